#!/usr/bin/python3 -IS
"""The first process of a user-mode Linux that tests use as a peer. Written for Overlay's UmlPeer, which is the other end of the line.

It gets requests and gives answers on the first serial line, one line each, texts in base64:
    request   ID SECONDS SCRIPT        the script runs in a shell of its own, beside others, and is ended after so many seconds
    answer    ID EXITCODE OUTPUT ERROR
The answer with the ID 0 comes unasked: the modules are loaded. It powers off when the line ends, so that nothing outlives the test.
"""
import base64, ctypes, os, signal, subprocess, sys, threading, time, tty

TIMED_OUT = 124  # as timeout(1) says
lock = threading.Lock()
libc = ctypes.CDLL(None, use_errno=True)


def answer(number, code, output, error):
    text = b'%d %d %s %s\n' % (number, code, base64.b64encode(output), base64.b64encode(error))
    with lock:
        while text:
            text = text[os.write(1, text):]


def run(number, seconds, script):
    # Not a pipe: a process that the script leaves behind would hold it open.
    with open(f'/run/{number}.out', 'w+b') as output, open(f'/run/{number}.err', 'w+b') as error:
        shell = subprocess.Popen(['/bin/sh', '-c', script], stdin=subprocess.DEVNULL, stdout=output, stderr=error, start_new_session=True)
        try:
            code = shell.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()
            code = TIMED_OUT
        output.seek(0)
        error.seek(0)
        answer(number, code, output.read(), error.read())


def load(modules):
    # The host's modprobe, if it has one, knows the host's modules.
    for name in modules:
        try:
            with open(f'/usr/lib/uml/modules/{os.uname().release}/kernel/{name}.ko', 'rb') as file:
                image = file.read()
        except OSError as problem:
            return f'{name}: {problem}'
        if libc.init_module(image, ctypes.c_ulong(len(image)), b'') != 0:
            return f'{name}: {os.strerror(ctypes.get_errno())}'
    return ''


def main():
    os.environ['PATH'] = '/usr/sbin:/usr/bin:/sbin:/bin'
    for kind, directory in ('proc', '/proc'), ('sysfs', '/sys'), ('tmpfs', '/run'):
        # Not by mount(8): it is setuid, and where a user namespace hides its owner it would set itself to nobody.
        if libc.mount(kind.encode(), directory.encode(), kind.encode(), 0, None) != 0:
            raise OSError(ctypes.get_errno(), f'mount {directory}: {os.strerror(ctypes.get_errno())}')
    os.environ['TMPDIR'] = '/run'
    line = os.open('/dev/ttyS0', os.O_RDWR)
    tty.setraw(line)
    os.dup2(line, 0)
    os.dup2(line, 1)
    problem = load(filter(None, sys.argv[1].split(',')))
    answer(0, 1 if problem else 0, os.uname().release.encode(), problem.encode())
    for request in os.fdopen(0, 'rb'):
        number, seconds, script = request.split()
        threading.Thread(target=run, args=(int(number), float(seconds), base64.b64decode(script)), daemon=True).start()


try:
    main()
finally:
    with open('/proc/sysrq-trigger', 'w') as trigger:
        trigger.write('o')
    time.sleep(60)
