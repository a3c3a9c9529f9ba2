// SPDX-License-Identifier: MIT
//
// tests/apps/java-net.test: com.sun.net.httpserver with a pool of threads, over TCP and TLS, until SIGTERM; `Serve client` asks one.
import com.sun.net.httpserver.*;
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.file.*;
import java.security.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.zip.*;
import javax.net.ssl.*;

public class Serve {
	static final ConcurrentHashMap<String, LongAdder> counts = new ConcurrentHashMap<>();

	static String hex(byte[] b) {
		return String.format("%064x", new java.math.BigInteger(1, b));
	}

	static byte[] sha(byte[] b) {
		try { return MessageDigest.getInstance("SHA-256").digest(b); } catch (NoSuchAlgorithmException e) { throw new RuntimeException(e); }
	}

	static void answer(HttpExchange q) throws IOException {
		String[] word = q.getRequestURI().getPath().split("/");
		String arg = word.length > 2 ? word[2] : "";
		counts.computeIfAbsent(word[1], k -> new LongAdder()).increment();
		int status = 200;
		byte[] body;
		switch (word[1]) {
		case "work":
			body = new byte[32];
			for (int i = 0; i < Integer.parseInt(arg); i++)
				body = sha(body);
			body = hex(body).getBytes();
			break;
		case "garbage": // while others answer
			Map<Integer, String> m = new TreeMap<>();
			for (int i = 0; i < 20000; i++)
				m.put(i * 7919 % 20011, "value " + i);
			body = (m.size() + " " + m.toString().hashCode()).getBytes();
			break;
		case "file":
			body = Files.readAllBytes(Path.of("site", arg));
			break;
		case "gzip":
			q.getResponseHeaders().set("Content-Encoding", "gzip");
			q.sendResponseHeaders(200, 0);
			try (OutputStream out = new GZIPOutputStream(q.getResponseBody())) { Files.copy(Path.of("site", arg), out); }
			return;
		case "up":
			byte[] got = q.getRequestBody().readAllBytes();
			body = (q.getRequestMethod() + " " + got.length + " " + hex(sha(got))).getBytes();
			break;
		case "later":
			try { Thread.sleep(3); } catch (InterruptedException e) { }
			body = "later".getBytes();
			break;
		default:
			status = 404;
			body = ("no " + word[1]).getBytes();
		}
		q.sendResponseHeaders(status, body.length == 0 ? -1 : body.length);
		try (OutputStream out = q.getResponseBody()) { out.write(body); }
	}

	static SSLContext context() throws Exception {
		KeyStore keys = KeyStore.getInstance("PKCS12");
		try (InputStream in = Files.newInputStream(Path.of("server.p12"))) { keys.load(in, "whelk!".toCharArray()); }
		KeyManagerFactory k = KeyManagerFactory.getInstance("SunX509");
		k.init(keys, "whelk!".toCharArray());
		KeyStore trusted = KeyStore.getInstance("PKCS12");
		trusted.load(null, null);
		trusted.setCertificateEntry("whelk", keys.getCertificate("whelk"));
		TrustManagerFactory t = TrustManagerFactory.getInstance("PKIX");
		t.init(trusted);
		SSLContext c = SSLContext.getInstance("TLS");
		c.init(k.getKeyManagers(), t.getTrustManagers(), null);
		return c;
	}

	static void client(String host, String port, String secure) throws Exception {
		System.setProperty("jdk.internal.httpclient.disableHostnameVerification", "true");
		HttpClient c = HttpClient.newBuilder().sslContext(context()).version(HttpClient.Version.HTTP_1_1).build();
		List<CompletableFuture<String>> asked = new ArrayList<>();
		String[] paths = {"/work/500", "/file/words", "/up", "/later", "/none"};
		for (int i = 0; i < 30; i++) {
			URI at = URI.create((i % 3 == 0 ? "https://" + host + ":" + secure : "http://" + host + ":" + port) + paths[i % paths.length]);
			HttpRequest.Builder q = HttpRequest.newBuilder(at);
			asked.add(c.sendAsync((i % 5 == 2 ? q.POST(HttpRequest.BodyPublishers.ofByteArray(new byte[70000 + i])) : q).build(),
				HttpResponse.BodyHandlers.ofByteArray()).thenApply(r -> at.getScheme() + at.getPath() + " " + r.statusCode() + " " + hex(sha(r.body()))));
		}
		for (CompletableFuture<String> a : asked)
			System.out.println(a.get(60, TimeUnit.SECONDS));
		System.exit(0);
	}

	public static void main(String[] args) throws Exception {
		if (args[0].equals("client"))
			client(args[1], args[2], args[3]);
		ExecutorService pool = Executors.newFixedThreadPool(6);
		HttpServer plain = HttpServer.create(new InetSocketAddress("0.0.0.0", Integer.parseInt(args[0])), 100);
		HttpsServer tls = HttpsServer.create(new InetSocketAddress("0.0.0.0", Integer.parseInt(args[1])), 100);
		tls.setHttpsConfigurator(new HttpsConfigurator(context()));
		for (HttpServer s : new HttpServer[] {plain, tls}) {
			s.createContext("/", Serve::answer);
			s.setExecutor(pool);
			s.start();
		}
		Runtime.getRuntime().addShutdownHook(new Thread(() -> {
			plain.stop(0);
			tls.stop(0);
			System.out.println(new TreeMap<>(counts));
		}));
		System.out.println("ready");
	}
}
