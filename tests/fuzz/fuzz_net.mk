sources = monitor/dev/virtq.c monitor/dev/net_stream.c monitor/dev/net_datagram.c monitor/dev/net_map.c monitor/memory.c
cflags = -D_GNU_SOURCE -Wno-bitwise-instead-of-logical -Dsocket=fuzz_socket -Dconnect=fuzz_connect -Daccept4=fuzz_accept4 -Dlisten=fuzz_listen -Dsendto=fuzz_sendto
