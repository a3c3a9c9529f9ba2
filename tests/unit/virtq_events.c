// SPDX-License-Identifier: MIT
//
// Event indices (virtio 1.2, 2.7.7 and 2.7.10): the kernel's end of a queue and the monitor's, both as they are. Who is awake
// is not told, who sleeps is told once, and the numbers may wrap.
#define virtq driver_virtq
#include "kernel/drivers/virtq.c"
#undef virtq
#include "check.h"
#include "monitor/dev/virtq.h"
#include "monitor/memory.h"

void *calloc(size_t n, size_t size);

#define SIZE 8
#define ROUNDS 20000 // of 5: the indices, of 16 bits, wrap

static _Alignas(4096) unsigned char ram[8192];
static struct memory memory = {.ram = ram, .ram_size = sizeof(ram)};
static struct abi_boot boot = {.queue_count = 1, .queue[0] = {.desc_gpa = 0, .avail_gpa = 1024, .used_gpa = 2048, .size = SIZE}};
static struct driver_virtq driver;
static struct virtq device;
static struct virtq_chain chain;
static unsigned bells;

const struct abi_boot *plat_boot(void) { return &boot; }
uint64_t plat_direct_va;
void *heap_zalloc(size_t size) { return (void)size, calloc(SIZE, sizeof(void *)); }
void plat_queue_notify(const struct abi_queue *q) { (void)q, bells++; }

_Noreturn void debug_panic(const char *component, const char *fmt, ...)
{
	printf("%s: panic: %s\n", component, fmt);
	exit(1);
}

static void offer(void)
{
	struct virtq_buffer b = {ram + 4096, 16};
	CHECK(!virtq_add(&driver, &b, 1, 0, ram));
	virtq_notify_event(&driver);
}

static void finish(unsigned count)
{
	for (; count; count--) {
		CHECK_EQ(virtq_pop(&device, &chain), 1);
		virtq_push(&device, chain.head, 0);
	}
}

static void take(unsigned count)
{
	uint32_t len;
	for (; count; count--)
		CHECK(virtq_take(&driver, &len));
}

static void round_trip(void)
{
	bells = 0;
	virtq_want_bell(&device, true); // it sleeps
	offer();
	CHECK_EQ(bells, 1);
	offer(); // not awake yet: once is enough
	CHECK_EQ(bells, 1);
	virtq_want_bell(&device, false); // it is awake
	offer();
	finish(3);
	CHECK_EQ(bells, 1);
	CHECK(virtq_wants_event(&device)); // the driver has looked at everything before these
	virtq_want_bell(&device, true);
	offer();
	CHECK_EQ(bells, 2);
	finish(1);
	CHECK(!virtq_wants_event(&device)); // it was told, and has not looked
	take(4);
	virtq_want_event(&driver, false);
	offer();
	finish(1);
	CHECK(!virtq_wants_event(&device)); // it does not care
	virtq_want_event(&driver, true);
	CHECK(virtq_has_done(&driver)); // which is why it looks again
	take(1);
}

int main(void)
{
	plat_direct_va = (uint64_t)ram;
	CHECK(!virtq_init(&driver, 0));
	CHECK(!virtq_attach(&device, &memory, &boot.queue[0]));
	for (int n = 0; n < ROUNDS; n++)
		round_trip();
	printf("ok\n");
	return 0;
}
