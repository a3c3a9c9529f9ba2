// SPDX-License-Identifier: MIT
//
// What a JVM asks of signals: null checks and division by faults it catches, the end of a stack found by a guard page,
// threads stopped for collection while they allocate.
public class Work {
	static int deeper(int n) { return deeper(n + 1) + 1; }

	public static void main(String[] args) throws Exception {
		int[] count = {0};
		Thread[] threads = new Thread[4];
		for (int i = 0; i < threads.length; i++) {
			threads[i] = new Thread(() -> {
				byte[][] garbage = new byte[64][];
				for (int k = 0; k < 2000; k++) {
					garbage[k % 64] = new byte[100000];
					synchronized (count) { count[0]++; }
				}
			});
			threads[i].start();
		}
		for (Thread t : threads)
			t.join();
		System.out.println("count " + count[0]);
		int caught = 0;
		Object nothing = args.length > 9 ? args : null;
		for (int i = 0; i < 20000; i++) { // long enough to be compiled
			try { nothing.hashCode(); } catch (NullPointerException e) { caught++; }
			try { caught += 1 / (args.length - args.length); } catch (ArithmeticException e) { caught++; }
		}
		System.out.println("caught " + caught);
		try { deeper(0); } catch (StackOverflowError e) { System.out.println("stack overflow"); }
		long start = System.nanoTime();
		Thread.sleep(20);
		System.out.println("slept " + (System.nanoTime() - start >= 20_000_000));
	}
}
