// SPDX-License-Identifier: MIT
//
// whelk check on any bytes: loader, sweep, reachability, the search for numbers, and what is printed.
#if __has_include(<Zydis/Zydis.h>)
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tools/syscan/result.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static FILE *nowhere;
	char path[64];
	struct scope scope = { .root = "/nonexistent" }; // no libraries of this machine
	struct result result = { .program = "fuzz" };
	const char *why;
	if (!nowhere && !(nowhere = fopen("/dev/null", "w")))
		abort();
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!scope_load(&scope, path, &why)) {
		for (size_t i = 0; i < scope.modules; i++)
			module_sweep(scope.module[i]);
		scope_reach(&scope);
		result_make(&result, &scope);
		report_table(&result, &scope, nowhere);
		report_json(&result, &scope, nowhere);
	}
	result_free(&result);
	scope_free(&scope);
	close(fd);
	return 0;
}
#else
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	(void)data;
	(void)len;
	printf("skipped: no Zydis: apt-get install libzydis-dev\n");
	_Exit(77);
}
#endif
