// SPDX-License-Identifier: MIT
//
// Marks read by the tools, invisible to the compiler. A component's API header marks each
// function others may call with API and classes each pointer argument:
//   IN(n)     read by the callee, n bytes or elements
//   OUT(n)    written by the callee
//   INOUT(n)  both
//   SHARED    an object both sides keep (a struct of the component, a waiter, a lock)
#ifndef WHELK_BASE_API_H
#define WHELK_BASE_API_H

#define API
#define IN(n)
#define OUT(n)
#define INOUT(n)
#define SHARED
#define USER // the pointer is the program's: only mm/uaccess.h may follow it

#endif
