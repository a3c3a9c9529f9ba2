// SPDX-License-Identifier: MIT
//
// Which system calls can a program make? The parts of the analysis, in the order in which they work:
//
//   load.c     the scope: the program, its interpreter, every library it needs
//   sweep.c    each module's code, instruction by instruction: events (calls, references, syscall sites) and functions
//   objects.c  what a reference to data may be meant for;   threadlocal.c, always_zero.c, services.c  what looks as if it could run
//   exports.c  where names, words and events lead
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
	EVENT_DATA,	 // reads or writes data, there
	EVENT_OBJECT,	 // takes the address of data
	EVENT_ARRAY,	 // reads or writes data somewhere near: with an index, or it may be no address
};

struct event {
	uint64_t at, target;
	enum event_kind kind;
};

struct function {
	uint64_t start, end;
	bool reached, taken; // taken: it may be called from where no call names it
	bool returns;	     // it may come back to its caller
	bool entered;	     // others that run jump into it
	uint32_t parent;     // who reached it: number of a function, or UINT32_MAX
	struct body *body;   // body.c
	uint32_t service;    // what its module offers by it: number + 1, or 0: services.c
	uint32_t services;   // how many of those it takes the address of
	uint32_t guards;     // parts of it that wait: number of the last + 1, or 0: reach.c
};

struct range {
	uint64_t start, end;
};

struct object { // of data: up to the next one
	uint64_t start;
	bool live; // what runs can get at it
};

struct word {
	uint64_t at, value;
};

struct service_text { // the name of one: services.c
	uint64_t start, end;
	uint32_t service;
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
	uint64_t *entry; // places inside of functions that others jump to; sorted
	size_t entries;
	uint64_t *pointed; // code that words of data name; sorted
	size_t pointeds;
	struct range *text; // texts that are looked for: texts.c
	size_t texts;
	bool text_in_data; // data points to one
	struct service_text *service_text; // services.c
	size_t service_texts;
	struct object *object; // sorted; none: where one ends is not known, all data counts
	size_t objects;
	struct word *word; // words of data that may be pointers and have no relocations; sorted
	size_t words;
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
	struct { // --names: files whose words are names that the program looks up; all else in them is zero
		char *data;
		size_t size;
	} *names;
	size_t names_count;
	const char *root;      // of the file system; "" for /
	struct export *export; // hash table
	size_t export_size;
	uint32_t functions;
	struct xref *xref; // sorted by to
	size_t xrefs;
	struct service *service;
	size_t services;
	bool all;		// everything counts as reached
	bool loads_at_run_time; // dlopen is reached
};

// load.c. -1: the program itself cannot be loaded, with a sentence's end in *why.
int scope_load(struct scope *s, const char *path, const char **why);
// Adds a file of --names. -1: it cannot be read.
int scope_add_names(struct scope *s, const char *path);
void scope_free(struct scope *s);

// sweep.c
void module_sweep(struct module *m);
struct function *module_function(const struct module *m, uint64_t at); // the one `at` is in, or NULL
bool module_is_code(const struct module *m, uint64_t at);
bool module_in_frame(const struct module *m, uint64_t at); // inside a function of .eh_frame, not at its start
bool module_framed(const struct module *m, uint64_t at);
const char *function_name(const struct module *m, uint64_t start); // or NULL

// objects.c
void module_objects(struct module *m);
// The object that `at` is in, or NULL.
struct object *module_object(const struct module *m, uint64_t at);
// Whether there can be pointers at `at`: what nobody writes has none, where they need relocations.
bool objects_point(const struct module *m, uint64_t at);
// Marks those that the run-time system gets at by itself, and calls `found` for each.
typedef void (*object_fn)(void *arg, struct module *m, uint64_t address);
void objects_at_start(struct module *m, object_fn found, void *arg);
// The same for those that a reference from code or data to `address` may be meant for.
void objects_near(struct module *m, uint64_t address, enum event_kind kind, object_fn found, void *arg);

// threadlocal.c. A word of its threads' own that begins as zero and nobody else knows: its number in *word. False: e is something
// else, or others may know it.
bool is_thread_word(const struct module *m, const struct event *e, uint64_t *word);
// Whether function f, which has that event, may write something else than zero there. If not, code of it that is run only if
// something else is there comes back as ranges (allocated; none: NULL).
bool may_set_thread_word(const struct module *m, struct function *f, const struct event *e, struct range **dead, size_t *count);

// always_zero.c. The register of an argument by which function f may first decide, or ZYDIS_REGISTER_NONE; whether it does, and
// what of it runs only if the argument is not zero (allocated).
ZydisRegister argument_decided(const struct module *m, const struct function *f);
bool decides_by_argument(const struct module *m, struct function *f, ZydisRegister reg, struct range **dead, size_t *count);
// Whether a call of function f passes 0 there for sure.
bool passes_zero(const struct module *m, struct function *f, uint64_t call, ZydisRegister reg);

// services.c
struct service {
	const char *name; // as getpwnam_r
	bool named;	  // by a text that something that runs, or points to, can get at
};
void scope_services(struct scope *s);
// A reference to data: the services that it names become `named`. Whether there are any new ones.
bool services_named(const struct scope *s, const struct module *m, uint64_t address);

// texts.c: finds the texts that name terminals other than the program's own (/dev/ptmx, /dev/pts/N), for EVENT_TEXT.
void module_texts(struct module *m);
bool module_is_text(const struct module *m, uint64_t address);

// exports.c: by name, of all modules.
typedef void (*leads_fn)(void *arg, struct module *to, uint64_t address);
void scope_exports(struct scope *s);
// Calls `found` for each module's of that name; returns whether there is one.
bool scope_lookup(const struct scope *s, const char *name, leads_fn found, void *arg);
// For each place that an event, or what the dynamic linker puts into a word, leads to.
void event_leads(const struct scope *s, const struct module *m, const struct event *e, leads_fn found, void *arg);
void reloc_leads(const struct scope *s, const struct module *m, const struct elf_reloc *r, leads_fn found, void *arg);

// reach.c
void scope_reach(struct scope *s);
// The module of function number n.
struct module *scope_module(const struct scope *s, uint32_t n);

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
