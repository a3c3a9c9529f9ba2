needs = hostfs tmpfs vfs mm sched proc time debug
