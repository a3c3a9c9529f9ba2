// SPDX-License-Identifier: MIT
//
// System V shared memory: keys, sizes, attaching where and how, removal while attached, refusals.
#include "test.h"

#include <sys/ipc.h>
#include <sys/shm.h>

#ifndef SHM_STAT_ANY
#define SHM_STAT_ANY 15
#endif

static void tells(key_t key, int id)
{
	struct shmid_ds d;
	struct shm_info u;
	struct shminfo l;
	int last = shmctl(0, SHM_INFO, (void *)&u), seen = 0;
	CHECK(last >= 0 && u.used_ids >= 1 && u.shm_tot >= 3 && u.shm_rss >= 1);
	CHECK(shmctl(0, IPC_INFO, (void *)&l) >= 0);
	CHECK(l.shmmin == 1 && l.shmmni >= 4096 && l.shmmax >= 1ul << 40);
	for (int n = 0; n <= last; n++) // as ipcs(1)
		if (shmctl(n, SHM_STAT, &d) == id) {
			seen++;
			CHECK_EQ(d.shm_segsz, 10000);
			CHECK_EQ(shmctl(n, SHM_STAT_ANY, &d), id);
		}
	CHECK_EQ(seen, 1);
	char line[100];
	snprintf(line, sizeof line, "%10d %10d  %4o %21u %5d %5d  %5u ", key, id, 0640, 10000, getpid(), getpid(), 2);
	CHECK(strstr(read_text("/proc/sysvipc/shm"), line) != NULL);
}

int main(void)
{
	key_t key = 0x57000000 | (getpid() & 0xffff) | (key_t)(time(NULL) & 0xff) << 16;
	struct shmid_ds d;
	CHECK_ERR(shmget(key, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERR(shmget(key, 100, 0), ENOENT);
	int id = shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0600);
	NEED(id >= 0);
	CHECK_ERR(shmget(key, 10000, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_EQ(shmget(key, 0, 0), id);
	CHECK_ERR(shmget(key, 20000, 0), EINVAL);
	char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);
	NEED(a != (void *)-1 && b != (void *)-1);
	CHECK_EQ(a[9999], 0);
	strcpy(a + 5000, "shared");
	CHECK(!strcmp(b + 5000, "shared"));
	CHECK_EQ(shmctl(id, IPC_STAT, &d), 0);
	CHECK_EQ(d.shm_nattch, 2);
	CHECK_EQ(d.shm_segsz, 10000);
	CHECK_EQ(d.shm_cpid, getpid());
	CHECK_EQ(d.shm_perm.mode, 0600);
	CHECK_EQ(d.shm_perm.__key, key);
	d.shm_perm.mode = 0640;
	CHECK_EQ(shmctl(id, IPC_SET, &d), 0);
	CHECK_EQ(shmctl(id, IPC_STAT, &d), 0);
	CHECK_EQ(d.shm_perm.mode, 0640);
	tells(key, id);
	// At a place of one's own.
	CHECK_ERR(shmat(id, a + 1, 0), EINVAL);
	CHECK_ERR(shmat(id, a, 0), EINVAL);
	char *room = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_EQ(shmat(id, room, SHM_REMAP), room);
	CHECK(!strcmp(room + 5000, "shared"));
	CHECK_EQ(shmdt(room), 0);
	CHECK_EQ(shmat(id, room + 5, SHM_RND), room);
	CHECK_EQ(shmdt(room), 0);
	CHECK_ERR(shmdt(room), EINVAL);
	CHECK_ERR(shmdt(a + 1), EINVAL);
	CHECK_ERR(shmdt(a + PAGE), EINVAL);
	CHECK_EQ(munmap(b, 3 * PAGE), 0);
	CHECK_EQ(shmctl(id, IPC_STAT, &d), 0);
	CHECK_EQ(d.shm_nattch, 1);
	// Removed, it is no longer found, and lives on while it is attached.
	CHECK_EQ(shmctl(id, IPC_RMID, NULL), 0);
	CHECK_ERR(shmget(key, 0, 0), ENOENT);
	CHECK(!strcmp(a + 5000, "shared"));
	CHECK_EQ(shmctl(id, IPC_STAT, &d), 0);
	CHECK(d.shm_perm.mode & SHM_DEST);
	b = shmat(id, NULL, 0);
	CHECK(!strcmp(b + 5000, "shared"));
	CHECK_EQ(shmdt(b), 0);
	CHECK_EQ(shmdt(a), 0);
	CHECK_ERR(shmctl(id, IPC_STAT, &d), EINVAL);
	CHECK_ERR(shmat(id, NULL, 0), EINVAL);
	CHECK_ERR(shmat(-1, NULL, 0), EINVAL);
	CHECK_ERR(shmctl(-1, IPC_STAT, &d), EINVAL);
	int one = shmget(IPC_PRIVATE, 1, 0600), two = shmget(IPC_PRIVATE, 1, 0600);
	CHECK(one >= 0 && two >= 0 && one != two);
	CHECK_EQ(shmctl(one, SHM_LOCK, NULL), 0);
	CHECK_EQ(shmctl(one, IPC_RMID, NULL), 0);
	CHECK_EQ(shmctl(two, IPC_RMID, NULL), 0);
	CHECK_ERR(shmctl(two, IPC_RMID, NULL), EINVAL);
	return test_end();
}
