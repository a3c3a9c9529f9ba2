// SPDX-License-Identifier: MIT
#ifndef WHELK_MONITOR_DEV_NET_PRIVATE_H
#define WHELK_MONITOR_DEV_NET_PRIVATE_H

#include <pthread.h>
#include <sys/socket.h>

#include "abi/net.h"
#include "base/list.h"
#include "monitor/dev/net.h"
#include "monitor/dev/virtq.h"

enum net_kind { NET_CONNECTING, NET_STREAM, NET_LISTENER, NET_DATAGRAM };

struct net_socket {
	struct list link;  // net.ready, or nothing
	uint32_t id;
	enum net_kind kind;
	int fd;		   // -1: none; a listener has those of its ports
	bool own_fd;	   // not a -p port's
	bool readable;	   // the host has told so, and nothing since says otherwise
	bool hangs_up;	   // the host has told of an end: what is read is read to it
	bool end;	   // it has been told of
	int error;	   // to be told; then nothing is done with it any more
	bool failed;	   // told
	bool full;	   // it did not take all: nothing more before the guest resumes
	bool wants_room, room; // ROOM is to be told when the host has it, or as soon as there is a buffer
	bool waits;	   // to be accepted by the program
	uint16_t port;	   // of a listener: the guest's, and how many may wait at the host's
	uint32_t backlog;
	bool direct;	   // the guest has it itself: not watched here
	bool v6;	   // of a datagram socket: what it can send to
	uint32_t told;	   // bytes without credit; of a listener: connections not accepted
	struct net_socket *listener; // of one that waits
};

struct net {
	struct net_config config;
	struct net_port port[NET_PORTS_MAX];
	uint32_t listener_of[NET_PORTS_MAX]; // the guest's socket that has the port; 0: none
	uint8_t *heard[NET_PORTS_MAX]; // of one for datagrams, by port: who of the host's loopback interface it has heard from
	struct sockaddr_storage name_server; // family 0: none
	struct virtq tx, rx;
	struct virtq_chain chain;
	struct virtq_chain *room; // a buffer of rx taken and not filled yet
	struct virtq_chain room_storage;
	struct net_socket **table[2]; // by slot: the guest's numbers, and ours
	uint32_t table_size[2], generation[2], next_slot;
	struct list ready; // sockets with something to read
	int epoll, wake;
	bool told;	   // something was put into rx
	uint16_t seen;	   // of it, when the guest was looked at last
	bool starved;	   // a connection could not be accepted for want of a descriptor or memory
	unsigned naps;	   // since there was something to do
	bool stop, running; // atomic
	uint64_t flush_until; // at the end: until then what is full is waited for
	pthread_t thread;
};

// --- net.c: what the guest is told -----------------------------------------------------------------------------------

uint64_t net_now_ns(void);
bool net_has_room(struct net *n); // a buffer of rx is there
uint8_t *net_room(struct net *n, size_t *len); // its part for data
void net_tell(struct net *n, const struct abi_net *news); // with news->len bytes already in the room; there was room
int net_watch(struct net *n, struct net_socket *s);
bool net_pass(struct net *n, struct net_socket *s); // whether the guest has it from now on
// Once the guest was told of it, so that it knows whose events it sees; a stream that was not passed is relayed.
void net_passed(struct net *n, struct net_socket *s);
struct net_socket *net_socket_new(struct net *n, uint32_t id, enum net_kind kind, int fd); // NULL: no memory, a bad number
uint32_t net_number(struct net *n); // a free one of ours; 0: none
struct net_socket *net_find(struct net *n, uint32_t id);
void net_drop(struct net *n, struct net_socket *s, bool reset);
void net_fail(struct net *n, uint32_t id, int error); // a stream is over: ERROR will be told
void net_ready(struct net *n, struct net_socket *s);

// --- net_stream.c, net_datagram.c ------------------------------------------------------------------------------------

int net_relay(struct net *n, struct net_socket *s); // a stream that is watched here: net_watch()
void net_connect(struct net *n, const struct abi_net *ask);
void net_listen(struct net *n, const struct abi_net *ask);
uint32_t net_send(struct net *n, struct net_socket *s, const uint8_t *data, uint32_t len); // bytes that were taken
void net_unlisten(struct net *n, struct net_socket *s);
void net_option(struct net_socket *s, uint32_t option, int value);
bool net_stream_read(struct net *n, struct net_socket *s);   // false: nothing more now
bool net_listener_read(struct net *n, struct net_socket *s); // likewise
void net_stream_event(struct net *n, struct net_socket *s, uint32_t events);

void net_bind(struct net *n, const struct abi_net *ask);
void net_send_datagram(struct net *n, struct net_socket *s, const struct abi_net *ask, const uint8_t *data);
bool net_datagram_read(struct net *n, struct net_socket *s);

// --- net_map.c: the guest's addresses and the host's -----------------------------------------------------------------

// Where the guest's `a` leads: 0 or -ENETUNREACH, -EACCES.
int net_map_out(const struct net *n, const struct abi_net_address *a, bool datagram, struct sockaddr_storage *out, socklen_t *len);
// What the guest sees of the host's `from`.
void net_map_in(const struct net *n, const struct sockaddr_storage *from, struct abi_net_address *out);
void net_map_name_server(struct net *n);
socklen_t net_address_len(const struct sockaddr_storage *a);

#endif
