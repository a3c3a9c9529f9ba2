needs = debug mm plat
