needs = debug drivers mm plat time vfs
