// SPDX-License-Identifier: MIT
//
// Which system calls can a program make? The parts of the analysis, in the order in which they work:
//
//   load.c     the scope: the program, its interpreter, every library it needs
//   sweep.c    each module's code, instruction by instruction: events (calls, references, syscall sites) and functions
//   reach.c    the functions that can run, from the entry points; xref.c  who calls whom
//   body.c     a function's instructions, one by one
//   resolve.c  the values a register can have at a place: the number and the operation of each site
//   report.c   what is said about it;   main.c  the command
//
// Whatever is not understood makes the answer larger, never smaller: a pointer that may be to a function is one, a
// function that may be called is. Where that cannot help (a number that nobody knows) the site is named with the
// reason.
#ifndef WHELK_SYSCAN_H
#define WHELK_SYSCAN_H

#include <sys/types.h>

#include "tools/lib/decode.h"
#include "tools/lib/elf.h"

enum event_kind {
	EVENT_CALL,	 // to `target`
	EVENT_JUMP,	 // a jump or branch, or running on into it
	EVENT_REF,	 // takes the address `target`
	EVENT_SLOT_CALL, // calls or jumps through the word `target`, which has a relocation
	EVENT_SLOT_REF,	 // reads or takes the address of such a word
	EVENT_SITE,	 // syscall
	EVENT_LEGACY,	 // int 0x80, sysenter
	EVENT_TEXT,	 // takes the address of a text that is looked for (module_texts)
	EVENT_RETURN,	 // ret, or a jump to where nobody sees: the function may return
};

struct event {
	uint64_t at, target;
	enum event_kind kind;
};

struct function {
	uint64_t start, end;
	bool reached, taken; // taken: it may be called from where no call names it
	bool returns;	     // it may come back to its caller
	uint32_t parent;     // who reached it: number of a function, or UINT32_MAX
	struct body *body;   // body.c
};

struct range {
	uint64_t start, end;
};

struct module {
	char *path;
	const char *name; // its last component
	dev_t dev;
	ino_t ino;
	struct elf elf;
	bool interpreter, dlopened;
	struct range *code; // sorted
	size_t codes;
	struct elf_function *frame; // of the ELF reader: sorted, no two alike
	size_t frames;
	struct event *event; // sorted by at
	size_t events;
	struct function *function; // sorted
	size_t functions;
	uint32_t first;	   // the number of its first function among all
	uint64_t *pointed; // code that words of data name; sorted
	size_t pointeds;
	struct range *text; // texts that are looked for: texts.c
	size_t texts;
	bool text_in_data; // data points to one
	size_t undecoded; // bytes inside of functions that are no instructions
	size_t overlaps;  // jumps into the middle of instructions
};

// A call or jump of a function that runs, to another (or to its own start).
struct xref {
	uint32_t to_module, from_module;
	uint64_t to, from;
};

struct scope {
	struct module **module;
	size_t modules;
	char **missing; // sentences
	size_t missings;
	char **named; // --dlopen
	size_t nameds;
	const char *root;      // of the file system; "" for /
	struct export *export; // hash table
	size_t export_size;
	uint32_t functions;
	struct xref *xref; // sorted by to
	size_t xrefs;
	bool all;		// everything counts as reached
	bool loads_at_run_time; // dlopen is reached
};

// load.c. -1: the program itself cannot be loaded, with a sentence's end in *why.
int scope_load(struct scope *s, const char *path, const char **why);
void scope_free(struct scope *s);

// sweep.c
void module_sweep(struct module *m);
struct function *module_function(const struct module *m, uint64_t at); // the one `at` is in, or NULL
bool module_is_code(const struct module *m, uint64_t at);
bool module_in_frame(const struct module *m, uint64_t at); // inside a function of .eh_frame, not at its start
bool module_framed(const struct module *m, uint64_t at);
const char *function_name(const struct module *m, uint64_t start); // or NULL

// texts.c: finds the texts that name terminals other than the program's own (/dev/ptmx, /dev/pts/N), for EVENT_TEXT.
void module_texts(struct module *m);
bool module_is_text(const struct module *m, uint64_t address);

// reach.c
void scope_reach(struct scope *s);
// The module of function number n.
struct module *scope_module(const struct scope *s, uint32_t n);
// For each place that an event leads to.
typedef void (*leads_fn)(void *arg, struct module *to, uint64_t address);
void event_leads(const struct scope *s, const struct module *m, const struct event *e, leads_fn found, void *arg);

// xref.c
void scope_make_xrefs(struct scope *s);
// Where those that lead to `at` begin among all.
size_t scope_first_xref(const struct scope *s, uint32_t module, uint64_t at);

// resolve.c
#define VALUES 64
struct values {
	uint64_t value[VALUES];
	unsigned count;
	const char *unknown; // why there may be others, or NULL
	char where[160];     // at which place it ended
};

void body_free(struct body *b); // body.c
// live.c. Whether the instruction at `at`, outside of .eh_frame, can be run: or is it data that looks like code?
bool is_live(const struct scope *s, struct module *m, struct function *f, uint64_t at);
// What 64-bit register `reg` (ZYDIS_REGISTER_*) can hold before the instruction at `at` of function f.
void resolve(const struct scope *s, struct module *m, struct function *f, uint64_t at, ZydisRegister reg,
	     struct values *out);

#endif
