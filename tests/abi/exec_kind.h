// SPDX-License-Identifier: MIT
//
// The program of exec_fixed.c, exec_static.c and exec_static_pie.c, which build it in their ways: threads, TLS
// and a constructor. FIXED: it is linked to run at a fixed address, below 2 GiB.
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
	CHECK_EQ((uintptr_t)main < 1ul << 31, FIXED);
	CHECK(join(start(body, &tls)) == &tls);
	CHECK_EQ(tls, 77);
	char *heap = malloc(1 << 20);
	memset(heap, 1, 1 << 20);
	free(heap);
	return test_end();
}
