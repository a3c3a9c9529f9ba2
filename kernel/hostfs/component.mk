needs = debug drivers mm plat proc time vfs
