import { ApiError, type Call, type Reply } from '../core/http.js';
import { asFields, isFields, asTextOr, type Fields } from '../core/values.js';
import type { CloudState, FakeServer } from '../state.js';
import { readConsoleTail } from './console.js';
import { checkMetadata } from './create-request.js';
import type { ServerLifecycle } from './server-lifecycle.js';

/**
 * The VM states and task states in which a server accepts an action. Unset `task`: the server accepts the action in
 * every task state.
 */
interface Allowed {
  name: string;
  vm: string[];
  task?: (string | null)[];
}

const ALLOWED: Record<string, Allowed> = {
  'os-stop': { name: 'stop', vm: ['active', 'error'], task: [null] },
  'os-start': { name: 'start', vm: ['stopped'], task: [null] },
  reboot: { name: 'reboot', vm: ['active', 'stopped', 'paused', 'suspended', 'error'], task: [null] },
  createImage: { name: 'createImage', vm: ['active', 'stopped', 'paused', 'suspended'], task: [null] },
};

function checkState(server: FakeServer, allowed: Allowed): void {
  const refuse = (what: string, state: string): ApiError =>
    new ApiError(409, `Cannot '${allowed.name}' instance ${server.id} while it is in ${what} ${state}`);
  if (!allowed.vm.includes(server.vmState)) throw refuse('vm_state', server.vmState);
  if (server.taskState !== null && allowed.task !== undefined) throw refuse('task_state', server.taskState);
}

/** Runs the actions of servers: https://docs.openstack.org/api-ref/compute/#servers-run-an-action-servers-action */
export class ServerActions {
  constructor(
    private readonly state: CloudState,
    private readonly lifecycle: ServerLifecycle,
    /**
     * Whether a caller can read the console of a machine that is off. False for a cloud whose consoles are libvirt
     * ptys.
     */
    private readonly consoleWhenOff: boolean,
  ) {}

  async run(call: Call): Promise<Reply> {
    const body = asFields(await call.json());
    const [action] = Object.keys(body);
    if (action === undefined) throw new ApiError(400, 'Malformed request body');
    const id = call.params['id'] ?? '';
    const server = this.state.servers.get(id);
    if (server === undefined || server.gone) throw new ApiError(404, `Instance ${id} could not be found.`);
    const allowed = ALLOWED[action];
    if (allowed !== undefined && !(action === 'reboot' && isFields(body[action]) && body[action]['type'] === 'HARD'))
      checkState(server, allowed);
    return this.act(call, server, action, isFields(body[action]) ? body[action] : {});
  }

  private act(call: Call, server: FakeServer, action: string, given: Fields): Reply {
    switch (action) {
      case 'os-stop':
        this.lifecycle.stop(server);
        return { status: 202 };
      case 'os-start':
        this.lifecycle.start(server);
        return { status: 202 };
      case 'reboot':
        return this.reboot(server, given);
      case 'createImage':
        return this.createImage(call, server, given);
      case 'os-getConsoleOutput':
        return this.consoleOutput(server, given);
      case 'forceDelete':
        this.lifecycle.delete(server);
        return { status: 202 };
      case 'os-resetState':
        Object.assign(
          server,
          given['state'] === 'active' ? { status: 'ACTIVE', vmState: 'active' } : { status: 'ERROR', vmState: 'error' },
          { taskState: null },
        );
        return { status: 202 };
      default:
        throw new ApiError(400, `There is no such action: ${action}`);
    }
  }

  private reboot(server: FakeServer, given: Fields): Reply {
    const hard = given['type'] === 'HARD';
    if (!hard && server.vmState !== 'active') {
      throw new ApiError(409, `Cannot 'reboot' instance ${server.id} while it is in vm_state ${server.vmState}`);
    }
    this.lifecycle.reboot(server, hard);
    return { status: 202 };
  }

  private createImage(call: Call, server: FakeServer, given: Fields): Reply {
    const name = asTextOr(given['name'], '');
    if (name === '') throw new ApiError(400, "Invalid input for field/attribute name. Value: . '' is too short");
    const id = this.lifecycle.snapshot(server, name, checkMetadata(given['metadata']));
    // From microversion 2.45 on, the reply has the image's id. Before 2.45 it has the image's URL.
    if (call.microversion >= 45) return { status: 202, json: { image_id: id } };
    return { status: 202, headers: { location: `${new URL(call.endpoint).origin}/image/images/${id}` } };
  }

  private consoleOutput(server: FakeServer, given: Fields): Reply {
    if (server.launchedAt === null) throw new ApiError(409, `Instance ${server.id} is not ready`);
    const isOff = server.vmState === 'stopped' || server.powerState === 4;
    if (isOff && !this.consoleWhenOff) throw new ApiError(404, 'Guest does not have a console available.');
    const length = given['length'];
    return {
      status: 200,
      json: { output: readConsoleTail(server, length === undefined || length === null ? undefined : Number(length)) },
    };
  }
}
