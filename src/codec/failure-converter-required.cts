import common = require('@temporalio/common');

/** The same as `failure-converter.ts`, but as a CommonJS module, which the worker requires. */
const failureConverter = new common.DefaultFailureConverter({ encodeCommonAttributes: true });

export = { failureConverter };
