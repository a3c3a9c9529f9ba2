needs = arch mm debug sched
