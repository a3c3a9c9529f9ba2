// SPDX-License-Identifier: MIT
//
// The set of what can run while it grows: roots.c says where it begins, reach.c what follows.
#ifndef WHELK_SYSCAN_REACH_H
#define WHELK_SYSCAN_REACH_H

#include "tools/syscan/scan.h"

struct place {
	struct module *module;
	uint64_t address;
};

struct thread_word { // threadlocal.c
	const struct module *module;
	uint64_t word;
	bool set; // something that runs may have written there
};

// A part of a function that only runs when a word is set, or when somebody passes another argument than 0.
struct guarded {
	uint32_t function, next; // next: of this function, as in struct function
	size_t word;		 // index, or NO_WORD:
	ZydisRegister reg; // the argument's
	struct range *dead;
	size_t deads;
};
#define NO_WORD SIZE_MAX

// The address of a service's function, taken by one that registers them all.
struct offered {
	struct place place;
	uint32_t by, service;
};

struct reach {
	struct scope *scope;
	uint32_t *todo; // functions whose events are to be followed
	size_t todos;
	struct {
		struct place place;
		uint32_t by;
	} *object; // objects whose words are
	size_t objects;
	uint32_t parent; // the function that it comes from now, or UINT32_MAX
	const struct event *call; // it is called there; NULL: from somewhere, with anything
	bool taken;		  // by its address, or called?
	struct thread_word *word;
	size_t words;
	struct guarded *guarded;
	size_t guardeds;
	struct offered *offered;
	size_t offereds;
};

// What is at that address counts: a function, or data.
void reach_address(void *w, struct module *m, uint64_t address);
// An object of data has become live: its words are to be followed.
void reach_object(void *w, struct module *m, uint64_t address);
// All that these lead to.
void reach_follow(struct reach *w);
void reach_end(struct reach *w);

#endif
