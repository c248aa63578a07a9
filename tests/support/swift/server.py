#!/usr/bin/python3
"""OpenStack Swift in one process of an ordinary user: an account, a container and an object server with one disk, and the proxy.

usage: server.py DIRECTORY PORT [SECTION KEY VALUE]...

DIRECTORY keeps everything; its file system needs user xattrs. Each SECTION KEY VALUE changes proxy-server.conf.
"""

import configparser
import logging
import os
import shutil
import sys

import eventlet

eventlet.monkey_patch()

from eventlet import wsgi  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
HOST = '127.0.0.1'
DISK = 'disk'
STORAGE_SERVERS = ('account', 'container', 'object')
CONCURRENT_REQUESTS = 500


def main():
    directory, port, *changes = sys.argv[1:]
    devices = os.path.join(directory, 'devices')
    os.makedirs(os.path.join(devices, DISK))
    write_proxy_configuration(directory, changes)
    use_configuration(directory)

    listeners = {name: eventlet.listen((HOST, 0)) for name in STORAGE_SERVERS}
    for name, listener in listeners.items():
        write_ring(directory, name, listener.getsockname()[1])
    for name, listener in listeners.items():
        eventlet.spawn(serve, listener, storage_server(name, directory, devices))
    serve(eventlet.listen((HOST, int(port))), proxy(directory))


def write_proxy_configuration(directory, changes):
    conf = configparser.ConfigParser()
    conf.read(os.path.join(HERE, 'proxy-server.conf'))
    for section, key, value in zip(changes[::3], changes[1::3], changes[2::3]):
        if not conf.has_section(section):
            conf.add_section(section)
        conf.set(section, key, value)
    with open(os.path.join(directory, 'proxy-server.conf'), 'w') as file:
        conf.write(file)


def use_configuration(directory):
    """Makes Swift read swift.conf from here: its modules read the one in /etc/swift as they are imported."""
    shutil.copy(os.path.join(HERE, 'swift.conf'), directory)
    from swift.common import constraints, storage_policy, utils
    utils.set_swift_dir(directory)
    storage_policy.reload_storage_policies()
    constraints.reload_constraints()
    logging.getLogger().setLevel(logging.ERROR)


def write_ring(directory, name, port):
    """The ring says where a server's data lies: one copy on one disk, behind this port."""
    from swift.common.ring import RingBuilder
    ring = RingBuilder(part_power=4, replicas=1, min_part_hours=1)
    ring.add_dev({
        'id': 0, 'region': 1, 'zone': 1, 'weight': 1, 'device': DISK,
        'ip': HOST, 'port': port, 'replication_ip': HOST, 'replication_port': port,
    })
    ring.rebalance()
    ring.get_ring().save(os.path.join(directory, name + '.ring.gz'))


def storage_server(name, directory, devices):
    from swift.account.server import AccountController
    from swift.container.server import ContainerController
    from swift.obj.server import ObjectController
    server = {'account': AccountController, 'container': ContainerController, 'object': ObjectController}[name]
    return server({'devices': devices, 'mount_check': 'false', 'swift_dir': directory, 'disable_fallocate': 'true'})


def proxy(directory):
    from swift.common.wsgi import loadapp
    sys.path.insert(0, HERE)
    sys.dont_write_bytecode = True
    return loadapp(os.path.join(directory, 'proxy-server.conf'), global_conf={'swift_dir': directory})


def serve(listener, application):
    from swift.common.http_protocol import SwiftHttpProtocol
    wsgi.server(
        listener, application, log_output=False, protocol=SwiftHttpProtocol,
        custom_pool=eventlet.GreenPool(CONCURRENT_REQUESTS),
    )


main()
