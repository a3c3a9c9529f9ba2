needs = debug hostfs mm proc time tmpfs vfs
