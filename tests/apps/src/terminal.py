# SPDX-License-Identifier: MIT
#
# terminal.py WHELK: programs under whelk on a pseudo-terminal, driven like a user would: line editing, size,
# Ctrl-C, Ctrl-D, Ctrl-Z, and the terminal's settings afterwards. One line for each thing that is wrong.
import fcntl, os, pty, re, select, struct, sys, termios, time

WHELK = sys.argv[1]
wrong = 0


def check(name, good, screen):
    global wrong
    if not good:
        wrong += 1
        print(f'{name}: the screen shows {screen!r}')


class Session:
    def __init__(self, *program):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 101, 0, 0))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.screen = ''
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for n in range(3):
                os.dup2(slave, n)
            os.execv(WHELK, [WHELK, 'run', '-c', '1', '--', *program])

    def wait_for(self, pattern, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if re.search(pattern, self.screen):
                return True
            if select.select([self.master], [], [], 0.05)[0]:
                self.screen += os.read(self.master, 65536).decode(errors='replace')
        return False

    def type(self, text):
        os.write(self.master, text)

    def end(self, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.wait_for('$nothing', 0.2)
                return os.waitstatus_to_exitcode(status)
            self.wait_for('$nothing', 0.05)
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        return 'no end'

    def same_settings(self):
        return termios.tcgetattr(self.slave) == self.before


s = Session('/bin/busybox', 'cat')
s.type(b'hellx\x7fo\n')
check('line editing', s.wait_for('\nhello\r'), s.screen)
s.type(b'\x04')
check('end of file by Ctrl-D', s.end() == 0, s.screen)

s = Session('/bin/busybox', 'stty', 'size')
check('size', s.end() == 0 and '33 101' in s.screen, s.screen)

s = Session('/usr/bin/python3', '-q')
check('prompt', s.wait_for('>>> '), s.screen)
s.type(b'while True: pass\n\n')
time.sleep(0.5)
s.type(b'\x03')
check('Ctrl-C reaches the handler', s.wait_for('KeyboardInterrupt'), s.screen)
s.type(b'\x1a')
time.sleep(0.3)
s.type(b'print(6 * 7)\n')
check('it goes on after Ctrl-Z', s.wait_for('\n42\r'), s.screen)
s.type(b'exit(7)\n')
check('exit status', s.end() == 7, s.screen)
check('settings as before', s.same_settings(), s.screen)

s = Session('/bin/busybox', 'sh', '-c', 'echo ready; exec sleep 60')
check('start', s.wait_for('ready'), s.screen)
s.type(b'\x1a')
check('Ctrl-Z is refused clearly', s.wait_for('whelk: .*Ctrl-Z'), s.screen)
s.type(b'\x03')
check('Ctrl-C ends', s.end() == 130, s.screen)
check('settings as before Ctrl-C', s.same_settings(), s.screen)
sys.exit(wrong > 0)
