// SPDX-License-Identifier: MIT
//
// The scope: what the dynamic linker would load, found where it would look: DT_RPATH, LD_LIBRARY_PATH, DT_RUNPATH,
// the linker's own list of directories, the default ones (ld.so(8)); for programs of musl /etc/ld-musl-x86_64.path.
#include <ctype.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/syscan/scan.h"

static char *text(const char *format, const char *a, const char *b)
{
	char *s;
	if (asprintf(&s, format, a, b) < 0)
		return xrealloc(NULL, (size_t)-1, 2);
	return s;
}

static void missing(struct scope *s, const char *format, const char *a, const char *b)
{
	GROW(s->missing, s->missings);
	s->missing[s->missings++] = text(format, a, b);
}

// Loads the file unless it is already there. NULL with *why when it is none.
static struct module *load(struct scope *s, const char *path, const char **why)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	*why = "cannot be opened";
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		*why = "is not a file";
		close(fd);
		return NULL;
	}
	for (size_t i = 0; i < s->modules; i++)
		if (s->module[i]->dev == st.st_dev && s->module[i]->ino == st.st_ino) {
			close(fd);
			return s->module[i];
		}
	// A copy: a file that is cut while it is read would end this with a signal.
	size_t size = 0;
	uint8_t *data = xrealloc(NULL, (size_t)st.st_size + 1, 1);
	for (ssize_t n; size < (size_t)st.st_size && (n = read(fd, data + size, (size_t)st.st_size - size)) > 0;)
		size += (size_t)n;
	close(fd);
	struct module *m = xrealloc(NULL, 1, sizeof(*m));
	memset(m, 0, sizeof(*m));
	if (elf_parse(&m->elf, data, size, why)) {
		elf_free(&m->elf);
		free(data);
		free(m);
		return NULL;
	}
	m->path = text("%s%s", path, "");
	m->name = strrchr(m->path, '/') ? strrchr(m->path, '/') + 1 : m->path;
	m->dev = st.st_dev;
	m->ino = st.st_ino;
	GROW(s->module, s->modules);
	s->module[s->modules++] = m;
	return m;
}

static struct module *load_in(struct scope *s, const char *dir, size_t len, const char *name)
{
	char path[PATH_MAX];
	const char *why;
	int n = snprintf(path, sizeof(path), "%s%.*s/%s", s->root, (int)len, dir, name);
	if (!len || n < 0 || (size_t)n >= sizeof(path) || access(path, R_OK))
		return NULL;
	return load(s, path, &why); // one of another machine is passed over, as the dynamic linker does
}

// The directories of `list`, by colon; $ORIGIN is that of module `of`.
static struct module *load_from(struct scope *s, const char *list, const struct module *of, const char *name)
{
	for (const char *p = list; p && *p;) {
		size_t len = strcspn(p, ":;\n");
		char dir[PATH_MAX];
		const char *origin = len >= 7 && !strncmp(p, "$ORIGIN", 7) ? p + 7 : NULL;
		if (!origin && len >= 9 && !strncmp(p, "${ORIGIN}", 9))
			origin = p + 9;
		struct module *m = NULL;
		if (origin && of) {
			size_t home = (size_t)(of->name - of->path), rest = len - (size_t)(origin - p),
			       skip = strlen(s->root);
			home -= home > 1; // without its slash
			if (home >= skip)
				snprintf(dir, sizeof(dir), "%.*s%.*s", (int)(home - skip), of->path + skip, (int)rest,
					 origin);
			m = home >= skip ? load_in(s, dir, strlen(dir), name) : NULL;
		} else {
			m = load_in(s, p, len, name);
		}
		if (m)
			return m;
		p += len;
		p += *p != 0;
	}
	return NULL;
}

static char *read_text(const struct scope *s, const char *path)
{
	char name[PATH_MAX], *all = NULL;
	size_t room = 0;
	snprintf(name, sizeof(name), "%s%s", s->root, path);
	FILE *f = fopen(name, "re");
	if (f && getdelim(&all, &room, 0, f) < 0) {
		free(all);
		all = NULL;
	}
	if (f)
		fclose(f);
	return all;
}

// The directories /etc/ld.so.conf names, what it includes among them. The cache is made of these; they say the same.
static struct module *load_configured(struct scope *s, const char *conf, const char *name, int depth)
{
	char *all = read_text(s, conf), *rest = all;
	struct module *m = NULL;
	for (char *line; !m && rest && (line = strsep(&rest, "\n"));) {
		line += strspn(line, " \t");
		line[strcspn(line, "#")] = 0;
		size_t len = strlen(line);
		while (len && strchr(" \t\r", line[len - 1]))
			line[--len] = 0;
		if (!strncmp(line, "include", 7) && strchr(" \t", line[7])) {
			char pattern[PATH_MAX];
			const char *to = line + 8 + strspn(line + 8, " \t");
			glob_t g;
			snprintf(pattern, sizeof(pattern), "%s%s%s", s->root, *to == '/' ? "" : "/etc/", to);
			if (depth < 4 && !glob(pattern, 0, NULL, &g)) {
				for (size_t i = 0; i < g.gl_pathc && !m; i++)
					m = load_configured(s, g.gl_pathv[i] + strlen(s->root), name, depth + 1);
				globfree(&g);
			}
		} else if (*line == '/') {
			m = load_in(s, line, len, name);
		}
	}
	free(all);
	return m;
}

static struct module *find(struct scope *s, const struct module *by, const char *name)
{
	const char *why;
	const struct module *exe = s->module[0];
	bool musl = exe->elf.interpreter && strstr(exe->elf.interpreter, "ld-musl");
	if (strchr(name, '/')) {
		char *path = text("%s%s", *name == '/' ? s->root : "", name);
		struct module *m = load(s, path, &why);
		free(path);
		return m;
	}
	for (size_t i = 0; i < s->modules; i++) // already there, by its name or by what it calls itself
		if (!strcmp(s->module[i]->name, name) ||
		    (s->module[i]->elf.soname && !strcmp(s->module[i]->elf.soname, name)))
			return s->module[i];
	if (musl && !strncmp(name, "libc.", 5)) // musl's interpreter is its C library
		for (size_t i = 0; i < s->modules; i++)
			if (s->module[i]->interpreter)
				return s->module[i];
	struct module *m = NULL;
	if (!by->elf.runpath) {
		m = load_from(s, by->elf.rpath, by, name);
		if (!m && by != exe && !exe->elf.runpath)
			m = load_from(s, exe->elf.rpath, exe, name);
	}
	if (!m)
		m = load_from(s, getenv("LD_LIBRARY_PATH"), NULL, name);
	if (!m)
		m = load_from(s, by->elf.runpath, by, name);
	if (!m && musl) {
		char *list = read_text(s, "/etc/ld-musl-x86_64.path");
		m = load_from(s, list ? list : "/lib:/usr/local/lib:/usr/lib", NULL, name);
		free(list);
		return m;
	}
	if (!m)
		m = load_configured(s, "/etc/ld.so.conf", name, 0);
	return m ? m
		 : load_from(s, "/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib", NULL,
			     name);
}

int scope_load(struct scope *s, const char *path, const char **why)
{
	struct module *exe = load(s, path, why);
	if (!exe)
		return -1;
	if (exe->elf.interpreter) {
		char *name = text("%s%s", s->root, exe->elf.interpreter);
		const char *bad;
		struct module *m = load(s, name, &bad);
		if (m)
			m->interpreter = true;
		else
			missing(s, "its interpreter %s %s", name, bad);
		free(name);
	}
	for (size_t i = 0; i < s->nameds; i++) {
		struct module *m = find(s, exe, s->named[i]);
		if (m)
			m->dlopened = true;
		else
			missing(s, "%s (--dlopen) was not found%s", s->named[i], "");
	}
	for (size_t i = 0; i < s->modules; i++) // grows meanwhile; what is there twice is found: cycles end
		for (size_t k = 0; k < s->module[i]->elf.needed_count; k++) {
			const char *name = s->module[i]->elf.needed[k];
			if (!find(s, s->module[i], name))
				missing(s, "library %s was not found (%s needs it)", name, s->module[i]->path);
		}
	return 0;
}

int scope_add_names(struct scope *s, const char *path)
{
	struct stat st;
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	GROW(s->names, s->names_count);
	size_t size = !fstat(fileno(f), &st) && S_ISREG(st.st_mode) ? (size_t)st.st_size : 0;
	char *data = xrealloc(NULL, size + 1, 1);
	size = fread(data, 1, size, f);
	for (size_t i = 0; i < size; i++) // words, however they are held there
		if (!isalnum((unsigned char)data[i]) && data[i] != '_')
			data[i] = 0;
	data[size++] = 0;
	s->names[s->names_count].data = data;
	s->names[s->names_count++].size = size;
	int bad = ferror(f);
	fclose(f);
	return bad ? -1 : 0;
}

void scope_free(struct scope *s)
{
	for (size_t i = 0; i < s->names_count; i++)
		free(s->names[i].data);
	free(s->names);
	for (size_t i = 0; i < s->modules; i++) {
		struct module *m = s->module[i];
		for (size_t k = 0; k < m->functions; k++)
			body_free(m->function[k].body);
		free((void *)m->elf.data);
		elf_free(&m->elf);
		free(m->path);
		free(m->code);
		free(m->event);
		free(m->function);
		free(m->pointed);
		free(m->entry);
		free(m->text);
		free(m->object);
		free(m->word);
		free(m->service_text);
		free(m);
	}
	for (size_t i = 0; i < s->missings; i++)
		free(s->missing[i]);
	free(s->module);
	free(s->missing);
	free(s->named);
	free(s->export);
	free(s->xref);
	free(s->service);
}
