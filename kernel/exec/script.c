// SPDX-License-Identifier: MIT
//
// Programs that begin with "#!interpreter [argument]". execve(2), "Interpreter scripts".
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "base/string.h"
#include "exec/private.h"

#define SCRIPT_LINE 256 // BINPRM_BUF_SIZE

int exec_script(struct file *file, char *path, struct exec_args *args, struct file **next)
{
	char line[SCRIPT_LINE + 1] = "";
	int64_t n = file_read_kernel(file, line, SCRIPT_LINE, 0);
	if (n < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	char *end = memchr(line, '\n', (size_t)n);
	if (!end && n == SCRIPT_LINE)
		return -ENOEXEC; // cut: not to be guessed at
	end = end ? end : line + n;
	while (end > line + 2 && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	char *interp = line + 2;
	while (*interp == ' ' || *interp == '\t')
		interp++;
	if (!*interp)
		return -ENOEXEC;
	char *arg = interp;
	while (*arg && *arg != ' ' && *arg != '\t')
		arg++;
	if (*arg) {
		*arg++ = '\0';
		while (*arg == ' ' || *arg == '\t')
			arg++;
	}
	if (args->argc)
		args_drop_first(args);
	int err = args_prepend(args, path);
	if (!err && *arg)
		err = args_prepend(args, arg);
	if (!err)
		err = args_prepend(args, interp);
	if (!err)
		err = exec_open(AT_FDCWD, interp, 0, next);
	if (!err)
		string_copy(path, interp, EXEC_PATH_MAX);
	return err ? err : 1;
}
