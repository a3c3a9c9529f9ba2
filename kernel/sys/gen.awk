# SPDX-License-Identifier: MIT
#
# syscalls.def -> prototypes (-v out=h), dispatch table (-v out=c), documentation (-v out=md) or
# what whelk check says of each (-v out=levels).
# Numbers come from <asm/unistd.h> of the architecture that is compiled for: a call it lacks drops out.

BEGIN {
	n = split("fd at int sig clock whence idtype futexop oflags pollt prot mapflags atflags sockdom epollop fcntlop prctlop madv tid pid", a, " ")
	for (i = 1; i <= n; i++) ctype[a[i]] = "int "
	n = split("uint mode ioctlop uid gid", a, " ")
	for (i = 1; i <= n; i++) ctype[a[i]] = "unsigned "
	n = split("ulong addr cloneflags", a, " ")
	for (i = 1; i <= n; i++) ctype[a[i]] = "uint64_t "
	ctype["size"] = "size_t "; ctype["off"] = "int64_t "; ctype["path"] = "const char *"
	ctype["ptr"] = ctype["sbuf"] = ctype["timespec"] = "void *"; ctype["cptr"] = "const void *"
	split("full part stub eperm absent none", a, " ")
	for (i in a) level_known[a[i]] = 1
	if (out == "h") {
		print "// Generated from kernel/sys/syscalls.def: the system-call handlers. `const char *` and `void *`\n// arguments are the program's memory."
		print "#ifndef WHELK_SYSCALLS_H\n#define WHELK_SYSCALLS_H\n\n#include <stddef.h>\n#include <stdint.h>\n"
	} else if (out == "c" || out == "levels") {
		print "// Generated from kernel/sys/syscalls.def.\n"
	} else {
		print "# System calls\n\nGenerated from `kernel/sys/syscalls.def` (`make docs`): one row per Linux system call.\n"
		print "| call | component | level | note |\n| --- | --- | --- | --- |"
	}
}

/^#/ || NF == 0 { next }

{
	note = ""
	if ((i = index($0, "  #")) > 0) { note = substr($0, i + 4); $0 = substr($0, 1, i - 1) }
	name = $1; component = $2; level = $3
	if (!(level in level_known)) { print FILENAME ":" FNR ": unknown level " level > "/dev/stderr"; exit 1 }
	proto = ""; types = ""
	class = component == "mm" ? "MEMORY" : component == "signal" ? "SIGNAL" : component == "socket" ? "NETWORK" : \
		component == "proc" ? "PROCESS" : component == "time" ? "TIME" : component == "futex" ? "FUTEX" : component == "sched" ? "SCHED" : "OTHER"
	for (i = 4; i <= NF; i++) {
		split($i, part, ":")
		if (!(part[1] in ctype)) { print FILENAME ":" FNR ": unknown type " part[1] > "/dev/stderr"; exit 1 }
		proto = proto (i > 4 ? ", " : "") ctype[part[1]] part[2]
		types = types (i > 4 ? ", " : "") "ARG_" toupper(part[1])
		if (part[1] == "path" && component == "vfs") class = "FILE"
		if (part[1] == "fd" && class == "OTHER") class = "DESC"
	}
	has_handler = level == "full" || level == "part" || level == "stub"
	if (out == "h" && has_handler)
		print "long sys_" name "(" (proto == "" ? "void" : proto) ");"
	else if (out == "c") {
		print "#ifdef __NR_" name
		print "ROW(" name ", " (has_handler ? "sys_" name : level == "eperm" ? "sys_refuse" : "NULL") ", LEVEL_" toupper(level) ", CLASS_" class ", " (types == "" ? "ARG_NONE" : types) ")"
		print "#endif"
	} else if (out == "levels") {
		gsub(/["\\]/, "\\\\&", note)
		print "#ifdef __NR_" name "\n[__NR_" name "] = { \"" name "\", LEVEL_" toupper(level) ", \"" note "\" },\n#endif"
	} else if (out == "md")
		print "| `" name "` | " component " | " level " | " note " |"
}

END { if (out == "h") print "\n#endif" }
