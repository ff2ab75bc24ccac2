"""Says how openstacksdk and keystoneauth understand cloud configurations.

Reads from standard input a JSON list of shapes: {name, place, cloud, env, client}. `place` is a folder with the folders
`home` and `here`. Writes to standard output {version, answers: {name: answer}}. An answer has the names of
test/support/clouds/answers.ts; {"refused": text} stands for an exception. Nothing is sent to any server.
"""

import importlib
import json
import os
import sys
import warnings

warnings.simplefilter('ignore')
import logging

logging.disable(logging.CRITICAL)
from openstack.config import loader
from openstack.version import __version__
from openstackclient import shell
from osc_lib.cli import client_config

SERVICES = ['compute', 'image', 'network', 'block-storage']


class Captured(Exception):
    """Carries the body of the token request that keystoneauth would have sent."""


class Recorder:
    """Stands for the session that sends requests."""

    def post(self, url, json=None, **ignored):
        raise Captured(json['auth'])


def read_token_request(plugin):
    """Returns `identity` and `scope` of the token request of a plugin."""
    if hasattr(plugin, 'create_plugin'):
        # A generic plugin asks the server for its versions. Every cloud that we use has version 3.
        plugin = plugin.create_plugin(Recorder(), (3, 0), plugin.auth_url)
    try:
        plugin.get_auth_ref(Recorder())
    except Captured as captured:
        return captured.args[0]
    raise RuntimeError('the plugin asked for no token')


def read_text(path):
    with open(path) as file:
        return file.read()


def read_region(shape):
    if shape.get('client') == 'openstackclient':
        # The command `openstack` takes OS_* variables as defaults of its options, which override clouds.yaml.
        app = shell.OpenStackShell()
        app.build_option_parser('openstack', '0')
        options, _ = app.parser.parse_known_args([])
        defaults = {'interface': None, 'auth_type': 'password'}
        config = client_config.OSC_Config(override_defaults=defaults)
        return config.get_one(cloud=options.cloud, argparse=options)
    return loader.OpenStackConfig().get_one(shape['cloud'])


def by_service(ask):
    """Asks for each service; leaves out what is not set, and the interface that every client takes by default."""
    given = {service: ask(service) for service in SERVICES}
    return {service: value for service, value in given.items() if value not in (None, ['public'])}


def to_list(interface):
    names = interface if isinstance(interface, list) else [interface or 'public']
    return [name[:-3] if name.endswith('URL') else name for name in names]


def answer(shape):
    region = read_region(shape)
    plugin = region.get_auth()
    verify, cert = region.get_requests_verify_args()
    cert, key = cert if isinstance(cert, tuple) else (cert, cert)
    auth = read_token_request(plugin)
    whole = {
        'authUrl': plugin.auth_url,
        'identity': auth['identity'],
        'scope': auth.get('scope'),
        'regions': by_service(lambda service: region.get_region_name(service) or None),
        'interfaces': by_service(lambda service: to_list(region.get_interface(service))),
        'addresses': by_service(region.get_endpoint),
        # requests checks certificates when verify is None, too.
        'insecure': True if verify is False else None,
        'ca': read_text(verify) if isinstance(verify, str) else None,
        'cert': read_text(cert) if cert else None,
        'key': read_text(key) if key else None,
    }
    return {key: value for key, value in whole.items() if value}


def answer_alone(shape):
    """Answers in a process of its own: openstacksdk keeps what it has read from the environment and the files."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        os.environ.clear()
        os.environ.update(shape['env'], HOME=os.path.join(shape['place'], 'home'))
        os.chdir(os.path.join(shape['place'], 'here'))
        try:
            importlib.reload(loader)
            result = answer(shape)
        except (Exception, SystemExit) as error:
            result = {'refused': f'{type(error).__name__}: {error}'}
        with os.fdopen(writer, 'w') as file:
            json.dump(result, file, default=str)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        text = file.read()
    os.waitpid(child, 0)
    return json.loads(text)


def main():
    shapes = json.load(sys.stdin)
    answers = {shape['name']: answer_alone(shape) for shape in shapes}
    json.dump({'version': __version__, 'answers': answers}, sys.stdout)


main()
