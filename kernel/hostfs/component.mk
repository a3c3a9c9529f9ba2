needs = drivers mm sched time vfs plat debug
