// SPDX-License-Identifier: MIT
//
// The command line of `whelk run`, as typed: sizes and lists are parsed and checked here, paths are not
// opened. All strings live as long as argv, but for those marked.
#ifndef WHELK_MONITOR_OPTIONS_H
#define WHELK_MONITOR_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "abi/boot.h"
#include "monitor/dev/net.h"
#include "monitor/machine.h"

struct options_volume {
	char *host, *guest; // allocated; guest is absolute, without a trailing slash
	bool readonly;
};

#define OPTIONS_NAME_MAX 63

struct options {
	uint64_t memory_size;
	unsigned cpus;
	struct options_volume volume[ABI_MAX_MOUNTS - 1];
	unsigned volume_count;
	struct net_port port[NET_PORTS_MAX];
	unsigned port_count;
	bool net, net_loopback;
	const char *tap;      // an interface; NULL: no network card
	struct abi_link link; // its addresses
	char **env; // allocated list, NULL-terminated; strings allocated
	unsigned env_count;
	bool memory_given, cpus_given, root_given;
	const char *root, *cwd, *hostname, *kernel;
	const char *name; // of the machine; NULL: none was given
	const char *trace; // NULL: no tracing; "": everything
	uint32_t uid, gid, syscalls;
	enum machine_platform platform;
	bool stats, no_jail, help, help_all, libc_fast, detach, remove;
	char **argv; // program and arguments
};

// 0, or -EINVAL after a message has named the option.
int options_parse(struct options *o, int argc, char **argv);
int options_parse_port(struct options *o, const char *s); // options_port.c
int options_parse_net(struct options *o, const char *s);	 // options_net.c, and the next two
int options_parse_ip(struct options *o, const char *s);
int options_check_net(const struct options *o); // that they fit together
bool options_name_valid(const char *name); // of a machine
int options_pass_env(struct options *o); // PATH and the like from here, unless they are set
void options_free(struct options *o);
int options_setenv(struct options *o, const char *assignment, bool keep); // "NAME=value"; keep: an earlier one stays
const char *options_getenv(const struct options *o, const char *name);	  // or NULL

#endif
