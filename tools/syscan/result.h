// SPDX-License-Identifier: MIT
//
// What the analysis of a scope comes to: the calls, the sites behind them, and what Whelk does with each.
#ifndef WHELK_SYSCAN_RESULT_H
#define WHELK_SYSCAN_RESULT_H

#include <stdio.h>

#include "tools/syscan/scan.h"

#define CALLS 512

enum level { LEVEL_UNKNOWN, LEVEL_FULL, LEVEL_PART, LEVEL_STUB, LEVEL_EPERM, LEVEL_ABSENT, LEVEL_NONE };

struct row {
	const char *name;
	enum level level;
	const char *note;
};
extern const struct row row[CALLS]; // by number
extern const char *const level_name[];

// What the paths are that a call is given, as far as it is known.
enum named {
	NAMED_NOTHING,
	NAMED_MEMORY,  // /dev/null and its like
	NAMED_DEVICES, // terminals of /dev, too
	NAMED_FILES,   // others, or not known
};

struct call {
	unsigned sites;
	struct module *module; // of the first site
	struct function *function;
	bool seen;		  // in a recorded run
	struct values operations; // where the call has one: operation.c
	enum named named;	  // of open and openat: argument.c
};

struct unresolved {
	struct module *module;
	struct function *function;
	uint64_t at;
	const char *why;
	char where[160];
};

struct result {
	const char *program;
	struct call call[CALLS];
	unsigned sites, resolved, legacy;
	struct unresolved *unresolved;
	size_t unresolveds;
	char **strange; // names in the record that are no calls Whelk knows
	size_t stranges;
	bool recorded;
	bool names_terminals; // /dev/ptmx, /dev/pts
	unsigned sockets; // SOCKETS_*: families of those it can make
	bool maps_shared; // some mmap can be shared and anonymous
};

void result_make(struct result *r, const struct scope *s);
void result_free(struct result *r);
// Adds the calls of a `whelk run --trace` output. -1: the file cannot be read.
int result_record(struct result *r, const char *path);
// 0 runs, 1 runs with limits, 2 will fail.
int result_status(const struct result *r, const struct scope *s);

// operation.c: the register that holds the operation of call `nr` at its site, or ZYDIS_REGISTER_NONE.
ZydisRegister operation_register(unsigned nr);
// Its name, or in numbers.
const char *operation_name(unsigned nr, uint64_t value, char *room, size_t size);
// What Whelk does not do, of a call that it does otherwise.
bool operation_unmet(unsigned nr, uint64_t value);

// argument.c: what the paths can be that call `nr` gets at `at`.
enum named path_named(const struct scope *s, struct module *m, struct function *f, uint64_t at, unsigned nr);
// Whether an mmap there can be shared and anonymous.
bool maps_shared(const struct scope *s, struct module *m, struct function *f, uint64_t at);
// Families a socket made there can have: SOCKETS_*.
unsigned socket_families(const struct scope *s, struct module *m, struct function *f, uint64_t at);
#define SOCKETS_UNIX 1u
#define SOCKETS_INET 2u // and all others

void report_table(const struct result *r, const struct scope *s, FILE *to);
void report_json(const struct result *r, const struct scope *s, FILE *to);
void report_why(const struct result *r, const struct scope *s, const char *name, FILE *to);

#endif
