needs = debug mm plat sched sys
