needs = mm sched plat debug
