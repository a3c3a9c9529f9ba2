// SPDX-License-Identifier: MIT
//
// tests/apps/java-gc.test: a heap of which little lives long and some does, made and changed by several threads: trees, maps, weak
// and soft references, large arrays, cleaners, direct memory. The output does not depend on when what was collected.
import java.lang.management.*;
import java.lang.ref.*;
import java.nio.ByteBuffer;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Garbage {
	static final class Node {
		Node left, right;
		long value;
		Node(int depth, long value) {
			this.value = value;
			if (depth > 0) {
				left = new Node(depth - 1, value * 31 + 1);
				right = new Node(depth - 1, value * 31 + 2);
			}
		}
		long sum() { return value + (left == null ? 0 : left.sum()) + (right == null ? 0 : right.sum()); }
	}

	static long work(int seed, int rounds) {
		Random random = new Random(seed);
		Node[] old = new Node[8];
		Map<Long, String> map = new HashMap<>();
		List<WeakReference<Object>> weak = new ArrayList<>();
		byte[][] large = new byte[6][];
		long sum = 0;
		for (int i = 0; i < rounds; i++) {
			int at = random.nextInt(old.length);
			sum += old[at] == null ? 1 : old[at].sum();
			old[at] = new Node(8 + at % 3, i);
			if (old[(at + 1) % 8] != null) // a reference from old to new
				old[(at + 1) % 8].left = new Node(3, i);
			map.put(random.nextLong() % 3000, "value " + i);
			weak.add(new WeakReference<>(new byte[100]));
			if (i % 16 == 0)
				large[random.nextInt(large.length)] = new byte[200_000 + random.nextInt(800_000)];
			if (i % 64 == 0) {
				ByteBuffer direct = ByteBuffer.allocateDirect(64 << 10);
				direct.putLong(100, i);
				sum += direct.getLong(100);
			}
		}
		for (Map.Entry<Long, String> e : map.entrySet())
			sum += e.getKey() ^ e.getValue().hashCode();
		for (byte[] b : large)
			sum += b == null ? 0 : b.length;
		return sum + weak.size();
	}

	public static void main(String[] args) throws Exception {
		int rounds = Integer.parseInt(args[0]);
		AtomicInteger cleaned = new AtomicInteger();
		Cleaner cleaner = Cleaner.create();
		for (int i = 0; i < 50; i++)
			cleaner.register(new byte[1000], cleaned::incrementAndGet);
		ExecutorService pool = Executors.newFixedThreadPool(3);
		List<Future<Long>> sums = new ArrayList<>();
		for (int i = 0; i < 6; i++) {
			int seed = i;
			sums.add(pool.submit(() -> work(seed, rounds)));
		}
		for (Future<Long> s : sums)
			System.out.println(s.get());
		pool.shutdown();
		for (int i = 0; i < 100 && cleaned.get() < 50; i++) {
			System.gc();
			Thread.sleep(10);
		}
		System.out.println("cleaned " + cleaned.get());
		try {
			List<byte[]> all = new ArrayList<>();
			while (true)
				all.add(new byte[1 << 20]);
		} catch (OutOfMemoryError e) {
			System.out.println(e.getMessage());
		}
		long collections = 0;
		for (GarbageCollectorMXBean b : ManagementFactory.getGarbageCollectorMXBeans()) {
			System.out.println(b.getName());
			collections += b.getCollectionCount();
		}
		System.out.println("collected " + (collections > 3));
	}
}
