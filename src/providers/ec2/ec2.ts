import type { ProviderKind } from '../types.js';
import { Aws } from './aws.js';
import { CONFIGURATION, type Ec2Configuration } from './configuration.js';
import { Ec2Provider } from './provider.js';

/** Amazon EC2. Its packages: `@aws-sdk/client-ec2`, `@aws-sdk/client-ebs`. */
export const ec2: ProviderKind<Ec2Configuration> = {
  name: 'ec2',
  schema: CONFIGURATION,
  connect: async (settings) => new Ec2Provider(await Aws.load(settings), settings),
};
