// SPDX-License-Identifier: MIT
//
// A static program at any address (static-PIE), with threads, TLS and a constructor.
// build: -static-pie
#include "test.h"

static _Thread_local int tls = 77;
static int constructed;
__attribute__((constructor)) static void construct(void)
{
	constructed = 1;
}

static void *body(void *arg)
{
	CHECK_EQ(tls, 77);
	tls = 1;
	return arg;
}

int main(void)
{
	CHECK_EQ(constructed, 1);
	CHECK((uintptr_t)main > 1ul << 31);
	CHECK(join(start(body, &tls)) == &tls);
	CHECK_EQ(tls, 77);
	char *heap = malloc(1 << 20);
	memset(heap, 1, 1 << 20);
	free(heap);
	return test_end();
}
