// SPDX-License-Identifier: MIT
//
// The C part of a kernel-aware musl: system calls go where libc/x86_64/whelk.h sends them, and both ways a program can
// start (the dynamic loader, a static program) look for the kernel's entries before the first call.
// spatch --sp-file libc/whelk.cocci FILE: syscall_arch.h, dynlink.c, __libc_start_main.c. What stands behind a `return`
// is musl's own way, no longer reached.

// --- arch/x86_64/syscall_arch.h -----------------------------------------------------------------------------------

@@
@@
+#include "whelk.h"
+
 #define __SYSCALL_LL_E(x) (x)

@@
identifier f = __syscall0, n;
@@
 f(long n) {
+return whelk_call0(n);
 ... }

@@
identifier f = __syscall1, n, a;
@@
 f(long n, long a) {
+return whelk_call1(n, a);
 ... }

@@
identifier f = __syscall2, n, a, b;
@@
 f(long n, long a, long b) {
+return whelk_call2(n, a, b);
 ... }

@@
identifier f = __syscall3, n, a, b, c;
@@
 f(long n, long a, long b, long c) {
+return whelk_call3(n, a, b, c);
 ... }

@@
identifier f = __syscall4, n, a, b, c, d;
@@
 f(long n, long a, long b, long c, long d) {
+return whelk_call4(n, a, b, c, d);
 ... }

@@
identifier f = __syscall5, n, a, b, c, d, e;
@@
 f(long n, long a, long b, long c, long d, long e) {
+return whelk_call5(n, a, b, c, d, e);
 ... }

@@
identifier f = __syscall6, n, a, b, c, d, e, g;
@@
 f(long n, long a, long b, long c, long d, long e, long g) {
+return whelk_call6(n, a, b, c, d, e, g);
 ... }

// --- ldso/dynlink.c: relocated just now, no call made yet ---------------------------------------------------------

@@
identifier v;
@@
 __dls2b(size_t *sp, size_t *v) {
+whelk_find(v);
 ... }

// --- src/env/__libc_start_main.c: once more in a dynamic program ---------------------------------------------------

@@
identifier v;
@@
 __init_libc(char **envp, char *pn) {
 ...
 libc.auxv = v = (void *)(envp+i+1);
+whelk_find(v);
 ... }
