// SPDX-License-Identifier: MIT
//
// whelk run with an image: what its manifest says becomes options of the run.
#ifndef WHELK_MONITOR_RUN_APP_H
#define WHELK_MONITOR_RUN_APP_H

#include "monitor/app.h"
#include "monitor/options.h"
#include "monitor/view.h"

// Is the program to run an image? Then it is open and o's arguments, environment and limits are complete: 1. 0: it is
// none. -1: after a message.
int run_app_open(struct app *app, struct options *o);
// The program and working directory, after view_open(). 0 or the exit status after a message.
int run_app_choose(const struct app *app, struct view *v, const struct options *o);

#endif
