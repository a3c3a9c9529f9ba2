// SPDX-License-Identifier: MIT
//
// The generator behind getrandom(2), /dev/random, /dev/urandom, AT_RANDOM and address randomisation.
// Fast key erasure: the first half of the first block of each request becomes the next key.
#include "devfs/random.h"

#include <linux/errno.h>
#include <linux/random.h>

#include "arch/arch.h"
#include "base/string.h"
#include "devfs/chacha.h"
#include "mm/uaccess.h"
#include "plat/plat.h"
#include "sched/sched.h"
#include "signal/signal.h"
#include "sys/syscalls.h"

static uint32_t random_key[8];
static uint32_t random_requests; // counts up to the next stir
static bool random_seeded;

// Replaces the key by output that depends on the old key and `word`.
static void random_stir(const uint32_t word[3])
{
	uint32_t block[16];
	chacha_block(random_key, 0, word, block);
	memcpy(random_key, block, sizeof random_key);
}

void random_mix(const void *src, size_t len)
{
	const uint8_t *p = src;
	while (len) {
		uint32_t word[3] = {0};
		size_t n = MIN(len, sizeof word);
		memcpy(word, p, n);
		random_stir(word);
		p += n;
		len -= n;
	}
}

static void random_stir_hardware(void)
{
	uint64_t r;
	for (int i = 0; i < 4; i++)
		if (arch_random64(&r))
			random_mix(&r, sizeof r);
	r = arch_cycles();
	random_mix(&r, sizeof r);
}

static void random_seed(void)
{
	const struct abi_boot *boot = plat_boot();
	random_mix(boot->seed, sizeof boot->seed);
	random_stir_hardware();
	random_seeded = true;
}

void random_bytes(void *dst, size_t len)
{
	static const uint32_t nonce[3];
	uint8_t *out = dst;
	uint32_t block[16];

	if (!random_seeded)
		random_seed();
	if (++random_requests == 4096) {
		random_requests = 0;
		random_stir_hardware();
	}
	chacha_block(random_key, 0, nonce, block);
	size_t n = MIN(len, (size_t)32);
	memcpy(out, block + 8, n);
	uint32_t old_key[8];
	memcpy(old_key, random_key, sizeof old_key);
	memcpy(random_key, block, sizeof random_key);
	out += n;
	len -= n;
	for (uint32_t counter = 1; len; counter++, out += n, len -= n) {
		chacha_block(old_key, counter, nonce, block);
		n = MIN(len, (size_t)CHACHA_BLOCK);
		memcpy(out, block, n);
	}
	memset(old_key, 0, sizeof old_key);
	memset(block, 0, sizeof block);
	__asm__ volatile("" ::"r"(old_key), "r"(block) : "memory"); // the wiping is wanted
}

uint64_t random_u64(void)
{
	uint64_t r;
	random_bytes(&r, sizeof r);
	return r;
}

long sys_getrandom(void *buf, size_t count, unsigned flags)
{
	uint8_t chunk[256];
	size_t done = 0;

	if (flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	count = MIN(count, (size_t)0x7ffff000);
	if (!user_range_ok((uint64_t)buf, count))
		return -EFAULT;
	while (done < count) {
		size_t n = MIN(count - done, sizeof chunk);
		random_bytes(chunk, n);
		if (user_write((uint8_t *)buf + done, chunk, n))
			return done ? (long)done : -EFAULT;
		done += n;
		if (done % PAGE_SIZE == 0) {
			if (signal_pending(thread_current()))
				return (long)done;
			sched_poll();
		}
	}
	return (long)done;
}
