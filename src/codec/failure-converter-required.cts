import common = require('@temporalio/common');

/** What `failure-converter.ts` is to the bundle, as the CommonJS module that the worker insists on. */
const failureConverter = new common.DefaultFailureConverter({ encodeCommonAttributes: true });

export = { failureConverter };
