// SPDX-License-Identifier: MIT
//
// whelk build: the command, a program of its own beside whelk.
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/image.h"
#include "tools/build/tree.h"

static const char help[] =
	"Usage: whelk build [OPTION]... PROGRAM [-- ARG...]\n"
	"       whelk build [OPTION]... DIRECTORY|ROOTFS.tar -- PROGRAM [ARG...]\n"
	"Makes one file of a program, its libraries, files and a kernel: docs/images.md.\n"
	"  -o, --output FILE      the image (the program's name, and .whelk)\n"
	"      --dlopen LIBRARY   it loads this one at run time; may be given again\n"
	"      --add HOST[:GUEST] a file or directory, with all in it; may be given again\n"
	"      --as PATH          the program's path in the image (its own in /usr, /bin,\n"
	"                         /sbin, /lib, /opt; /NAME for one from elsewhere)\n"
	"  -e, --env NAME=VALUE   a variable; may be given again\n"
	"  -w, --workdir DIR      working directory in the image (/)\n"
	"  -m, --memory SIZE      memory of its machine, unless whelk run says another\n"
	"  -c, --cpus N           virtual CPUs, likewise\n"
	"      --platform NAME    a kernel for kvm, linux or both (both)\n"
	"      --allow CALL,...   system calls beside those that the analysis finds\n"
	"      --record FILE      those of an output of whelk run --trace as well\n"
	"      --allow-all        no system call is refused\n"
	"      --specialise       kernels with no more than these calls (needs binutils)\n"
	"  -h, --help             this text\n"
	"Exit status: 0, 125 when there is no image.\n";

enum { OPT_DLOPEN = 256, OPT_ADD, OPT_AS, OPT_PLATFORM, OPT_ALLOW, OPT_RECORD, OPT_ALL, OPT_SPECIALISE };

struct build {
	struct entry *root;
	struct manifest manifest;
	struct calls calls;
	char **dlopen, **add;
	size_t dlopens, adds;
	const char *output, *as;
	char directory[PATH_MAX]; // of this program
	bool platform[APP_KERNELS];
};

static void parse_memory(struct build *b, const char *s)
{
	char *end;
	unsigned long long n = strtoull(s, &end, 10);
	unsigned shift = tolower(*end) == 'k' ? 10 : tolower(*end) == 'm' ? 20 : tolower(*end) == 'g' ? 30 : 0;
	if (!isdigit((unsigned char)*s) || end[shift != 0] || n > (1ull << 46) >> shift || n << shift < 16ull << 20)
		fail("option -m: '%s' is not a size of 16M or more, such as 256M or 2G", s);
	b->manifest.memory = n << shift;
}

static void parse_cpus(struct build *b, const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);
	if (!isdigit((unsigned char)*s) || *end || !n || n > 64)
		fail("option -c: '%s' is not a number from 1 to 64", s);
	b->manifest.cpus = (uint32_t)n;
}

static void parse_platform(struct build *b, const char *s)
{
	b->platform[ABI_PLATFORM_KVM - 1] = strcmp(s, "linux") != 0;
	b->platform[ABI_PLATFORM_LINUX - 1] = strcmp(s, "kvm") != 0;
	if (strcmp(s, "kvm") != 0 && strcmp(s, "linux") != 0 && strcmp(s, "both") != 0)
		fail("option --platform: '%s' is not 'kvm', 'linux' or 'both'", s);
}

static void parse_allow(struct build *b, char *s)
{
	for (char *name; (name = strsep(&s, ",")) != NULL;)
		if (*name && !calls_allow(&b->calls, name))
			fail("option --allow: there is no system call %s", name);
}

static const char *absolute(const char *option, const char *s)
{
	if (*s != '/')
		fail("option %s: '%s' is not an absolute path", option, s);
	return s;
}

static void parse_one(struct build *b, int c, char **argv)
{
	struct manifest *m = &b->manifest;
	switch (c) {
	case 'o': b->output = optarg; break;
	case 'w': m->cwd = absolute("-w", optarg); break;
	case 'm': parse_memory(b, optarg); break;
	case 'c': parse_cpus(b, optarg); break;
	case OPT_AS: b->as = absolute("--as", optarg); break;
	case OPT_PLATFORM: parse_platform(b, optarg); break;
	case OPT_ALLOW: parse_allow(b, optarg); break;
	case OPT_ALL: m->flags &= ~APP_ENFORCE; break;
	case OPT_SPECIALISE: m->flags |= APP_SPECIALISED; break;
	case OPT_RECORD:
		if (calls_record(&b->calls, optarg))
			fail("option --record: %s: %s", optarg, strerror(errno));
		break;
	case OPT_DLOPEN:
		GROW(b->dlopen, b->dlopens);
		b->dlopen[b->dlopens++] = optarg;
		break;
	case OPT_ADD:
		GROW(b->add, b->adds);
		b->add[b->adds++] = optarg;
		break;
	case 'e':
		if (*optarg == '=' || !strchr(optarg, '='))
			fail("option -e: '%s' is not NAME=VALUE", optarg);
		m->env = xrealloc(m->env, m->envs + 2, sizeof(*m->env));
		m->env[m->envs++] = optarg;
		m->env[m->envs] = NULL;
		break;
	case 'h':
		exit(fputs(help, stdout) < 0 || fflush(stdout) ? 125 : 0);
	default:
		fail("option %s is not known or lacks its value; see whelk build --help", argv[optind - 1]);
	}
}

static int parse(struct build *b, int argc, char **argv)
{
	static const struct option options[] = {
		{"output", 1, NULL, 'o'},	 {"dlopen", 1, NULL, OPT_DLOPEN},     {"add", 1, NULL, OPT_ADD},
		{"as", 1, NULL, OPT_AS},	 {"env", 1, NULL, 'e'},		      {"workdir", 1, NULL, 'w'},
		{"memory", 1, NULL, 'm'},	 {"cpus", 1, NULL, 'c'},	      {"platform", 1, NULL, OPT_PLATFORM},
		{"allow", 1, NULL, OPT_ALLOW},	 {"record", 1, NULL, OPT_RECORD},     {"allow-all", 0, NULL, OPT_ALL},
		{"specialise", 0, NULL, OPT_SPECIALISE}, {"help", 0, NULL, 'h'}, {0}};
	opterr = 0;
	// Options may stand behind the program, until "--".
	char *what = NULL;
	for (;;) {
		int c = getopt_long(argc, argv, "+o:e:w:m:c:h", options, NULL);
		if (c != -1) {
			parse_one(b, c, argv);
		} else if (optind < argc && strcmp(argv[optind - 1], "--") != 0 && !what) {
			what = argv[optind++];
		} else {
			break;
		}
	}
	if (!what && optind < argc)
		what = argv[optind++];
	if (!what)
		fail("give a program, a directory or an archive; see whelk build --help");
	if (optind < argc && !strcmp(argv[optind], "--"))
		optind++;
	else if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
		fail("'%s' is one word too many: arguments stand behind --", argv[optind]);
	argv[--optind] = what;
	return optind;
}

// --- the tree ---------------------------------------------------------------------------------------------

static char *in_path(const char *name)
{
	const char *path = getenv("PATH");
	if (strchr(name, '/') || !access(name, R_OK))
		return text("%s", name);
	for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
		size_t len = strcspn(p, ":");
		char *whole = text("%.*s/%s", (int)len, p, name);
		if (len && !access(whole, X_OK))
			return whole;
		free(whole);
		p += len;
		p += *p != 0;
	}
	return text("%s", name);
}

// The directory's own name, and the file's as given: a program may go by the name it is called by.
static char *absolute_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash ? text("%.*s/", (int)(slash - path), path) : text("."), *whole = realpath(directory, NULL);
	if (!whole || access(path, R_OK))
		fail("%s: %s", path, strerror(errno));
	return text("%s/%s", whole[1] ? whole : "", slash ? slash + 1 : path);
}

static void take_program(struct build *b, const char *name, char **args)
{
	struct manifest *m = &b->manifest;
	char *path = in_path(name), *whole = absolute_name(path);
	calls_of_program(&b->calls, path, "", b->dlopen, b->dlopens, b->root);
	if (!b->as && !path_stays(whole))
		b->as = text("/%s", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	host_add(b->root, b->as ? path : whole, b->as);
	m->exec = b->as ? b->as : whole;
	m->argv = xrealloc(NULL, m->args + 2, sizeof(*m->argv));
	m->argv[0] = (char *)(uintptr_t)m->exec;
	memcpy(m->argv + 1, args, (m->args + 1) * sizeof(*args));
}

static const char *find_program(struct build *b, const char *name)
{
	const char *path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	for (size_t i = 0; i < b->manifest.envs; i++)
		if (!strncmp(b->manifest.env[i], "PATH=", 5))
			path = b->manifest.env[i] + 5;
	for (const char *p = strchr(name, '/') ? "" : path;; p++) {
		size_t len = strcspn(p, ":");
		char *whole = strchr(name, '/') ? text("%s%s", *name == '/' ? "" : "/", name) : text("%.*s/%s", (int)len, p, name);
		struct entry *e = tree_path(b->root, whole, false, true);
		if (e && S_ISREG(e->mode) && e->mode & 0111)
			return whole;
		free(whole);
		p += len;
		if (!*p)
			fail("the program %s is not in the image", name);
	}
}

// Where the analysis finds the files of an archive: programs, libraries, links and what the dynamic linker reads.
static void unpack(const struct entry *e, const char *at)
{
	if (S_ISDIR(e->mode) && mkdir(at, 0700) && errno != EEXIST)
		fail("%s: %s", at, strerror(errno));
	if (e->link && symlink(e->link, at))
		fail("%s: %s", at, strerror(errno));
	const struct entry *of = e->same ? e->same : e;
	bool wanted = S_ISREG(e->mode) && of->data &&
		      ((e->size > 4 && !memcmp(of->data, "\177ELF", 4)) || !strncmp(e->name, "ld", 2) || strstr(e->name, ".conf"));
	if (wanted) {
		FILE *f = fopen(at, "wxe");
		if (!f || fwrite(of->data, 1, e->size, f) != e->size || fclose(f))
			fail("%s: %s", at, strerror(errno));
	}
	for (size_t i = 0; i < e->children; i++) {
		char *path = text("%s/%s", at, e->child[i]->name);
		unpack(e->child[i], path);
		free(path);
	}
}

static char *scratch; // removed at the end, however that comes

static void remove_scratch(void)
{
	char *command = text("rm -rf '%s'", scratch);
	if (system(command))
		fprintf(stderr, "whelk: build: %s is left over\n", scratch);
	free(command);
}

// A directory for what is needed while the image is made.
static const char *scratch_directory(void)
{
	const char *tmp = getenv("TMPDIR");
	if (scratch)
		return scratch;
	scratch = text("%s/whelk-build.XXXXXX", tmp && *tmp == '/' && !strchr(tmp, '\'') ? tmp : "/tmp");
	if (!mkdtemp(scratch))
		fail("%s: %s", scratch, strerror(errno));
	atexit(remove_scratch);
	return scratch;
}

static void take_tree(struct build *b, const char *name, bool directory, char **args)
{
	struct manifest *m = &b->manifest;
	const char *root = name;
	if (!*args)
		fail("%s: name the program in it, behind --", name);
	if (directory) {
		host_add(b->root, name, "/");
	} else {
		size_t size;
		char *data = host_read(name, &size); // stays: contents are in it
		if (!data)
			fail("%s: %s", name, strerror(errno));
		tar_add(b->root, name, (const uint8_t *)data, size);
		char *files = text("%s/root", scratch_directory());
		unpack(b->root, files);
		root = files;
	}
	m->exec = find_program(b, *args);
	m->argv = args;
	if (m->flags & APP_ENFORCE)
		calls_of_tree(&b->calls, b->root, root);
}

static void take(struct build *b, const char *name, char **args)
{
	struct stat st;
	size_t size;
	while (args[b->manifest.args])
		b->manifest.args++;
	if (!stat(name, &st) && S_ISDIR(st.st_mode)) {
		take_tree(b, name, true, args);
		return;
	}
	char *data = host_read(name, &size);
	bool tar = data && tar_is((const uint8_t *)data, size);
	free(data);
	if (tar)
		take_tree(b, name, false, args);
	else
		take_program(b, name, args);
}

static void take_more(struct build *b)
{
	for (size_t i = 0; i < b->adds; i++) {
		char *colon = strchr(b->add[i], ':');
		if (colon)
			*colon++ = 0;
		host_add(b->root, b->add[i], colon ? absolute("--add", colon) : NULL);
	}
	tree_path(b->root, "/dev", true, true); // to mount on, where nothing can be made
	if (!tree_path(b->root, b->manifest.cwd, true, true))
		fail("option -w: %s: a file is in the way", b->manifest.cwd);
}

static void warn(const struct build *b)
{
	if (!(b->manifest.flags & APP_ENFORCE))
		return;
	if (b->calls.unresolved)
		fprintf(stderr, "whelk: build: in %u places the analysis does not know which system call is made; what it "
				"has not found elsewhere will be refused there (--allow, --record)\n", b->calls.unresolved);
	if (b->calls.loads_at_run_time && !b->dlopens && b->manifest.argv[0] == b->manifest.exec)
		fprintf(stderr, "whelk: build: it can load libraries at run time; those that --dlopen names will be there\n");
}

static bool is_script(const struct build *b)
{
	const struct entry *e = tree_path(b->root, b->manifest.exec, false, true);
	size_t size = e && e->data ? e->size : 0;
	e = e && e->same ? e->same : e;
	char *read = e && e->source ? host_read(e->source, &size) : NULL;
	const char *data = read ? read : e ? (const char *)e->data : NULL;
	bool script = data && size > 2 && !memcmp(data, "#!", 2);
	free(read);
	return script;
}

static const char *kernel_for(struct build *b, const char *platform)
{
	if (b->manifest.flags & APP_SPECIALISED)
		return specialise(&b->manifest, b->directory, scratch_directory(), platform);
	const char *kind = strcmp(platform, "linux") ? "" : "-linux";
	char *map = text("%s/kernel%s.map", b->directory, kind);
	components_add(&b->manifest, map);
	free(map);
	return text("%s/kernel%s.elf", b->directory, kind);
}

int main(int argc, char **argv)
{
	static struct build b = {.manifest = {.flags = APP_ENFORCE, .cwd = "/"}, .platform = {true, true}};
	int first = parse(&b, argc, argv);
	ssize_t n = readlink("/proc/self/exe", b.directory, sizeof(b.directory) - 1);
	char *slash = n > 0 ? strrchr(b.directory, '/') : NULL;
	if (!slash)
		fail("where this program lies cannot be found: is /proc mounted?");
	*slash = 0;
	b.root = tree_new();
	take(&b, argv[first], argv + first + 1);
	take_more(&b);
	calls_complete(&b.calls);
	b.manifest.script = is_script(&b);
	if (b.manifest.flags & APP_ENFORCE)
		memcpy(b.manifest.calls, b.calls.allowed, sizeof(b.manifest.calls));
	b.manifest.names_proc = b.calls.names_proc;
	b.manifest.names_sys = b.calls.names_sys;
	b.manifest.opens = b.calls.opens;
	b.manifest.futex_other = b.calls.futex_other;
	b.manifest.maps_shared = b.calls.maps_shared;
	b.manifest.sockets = b.calls.sockets;
	b.manifest.names_terminals = b.calls.names_terminals;
	warn(&b);
	if (b.manifest.flags & APP_SPECIALISED && !(b.manifest.flags & APP_ENFORCE))
		fail("option --specialise: with --allow-all there is nothing to leave out");
	for (unsigned i = 0; i < APP_KERNELS; i++)
		if (b.platform[i])
			b.manifest.kernel[i] = kernel_for(&b, i == ABI_PLATFORM_LINUX - 1 ? "linux" : "kvm");
	const char *name = strrchr(b.manifest.exec, '/') + 1;
	image_write(b.root, &b.manifest, b.output ? b.output : text("%s.whelk", name));
	return 0;
}
