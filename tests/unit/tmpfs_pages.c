// SPDX-License-Identifier: MIT
//
// The page tree of tmpfs against a plain array, with random sets and removals near and far.
#include "vfs_stubs.h"

#include "tmpfs/pages.h"

#define FAR	(1ull << 40)
#define INDICES 6000

static bool have[INDICES], have_far[64];
static long count;

static struct page *fake(uint64_t index) { return (struct page *)((index + 1) * 64); }

static void removed(struct page *p)
{
	uint64_t index = (uint64_t)p / 64 - 1;
	bool *h = index >= FAR ? &have_far[index - FAR] : &have[index];
	CHECK(*h);
	*h = false;
	count--;
}

static uint32_t random_next(void)
{
	static uint32_t x = 12345;
	x ^= x << 13, x ^= x >> 17, x ^= x << 5;
	return x;
}

int main(void)
{
	struct page_tree t = {0};
	for (int step = 0; step < 60000; step++) {
		uint64_t i = random_next() % INDICES;
		if (random_next() % 40 == 0) {
			uint64_t last = random_next() % 3 ? i + random_next() % 300 : ~0ull;
			page_tree_remove(&t, i, last, removed);
		} else if (random_next() % 30 == 0) {
			uint64_t k = random_next() % 64;
			if (!have_far[k]) {
				CHECK_EQ(page_tree_set(&t, FAR + k, fake(FAR + k)), 0);
				have_far[k] = true;
				count++;
			}
		} else if (!have[i]) {
			CHECK_EQ(page_tree_set(&t, i, fake(i)), 0);
			have[i] = true;
			count++;
		}
		CHECK_EQ(t.count, count);
		uint64_t probe = random_next() % INDICES;
		CHECK(page_tree_get(&t, probe) == (have[probe] ? fake(probe) : NULL));
		if (step % 64 == 0) {
			uint64_t n = probe;
			while (n < INDICES && !have[n])
				n++;
			if (n < INDICES)
				CHECK_EQ(page_tree_next(&t, probe, false), n);
			n = probe;
			while (n < INDICES && have[n])
				n++;
			CHECK_EQ(page_tree_next(&t, probe, true), n);
		}
	}
	page_tree_remove(&t, 0, ~0ull, removed);
	CHECK_EQ(count, 0);
	CHECK(!t.root && !t.count);
	printf("ok tmpfs_pages\n");
	return 0;
}
