// Calls hooks as the old system did. Reads [{hook, exchanges}] from standard input, and prints for
// each exchange {data} or {error}, or {thrown} if the hook never answered.
'use strict';

// Hooks stand elsewhere, and find their packages here.
process.env.NODE_PATH = `${__dirname}/node_modules`;
require('module').Module._initPaths();

for (const name of ['InvalidScopeError', 'InvalidRequestError', 'ServerError']) {
  global[name] = class extends Error {
    constructor(message) {
      super(message);
      this.name = name;
    }
  };
}
console.log = console.warn = console.error;

let failed = () => {};
process.on('unhandledRejection', (error) => failed(error));
process.on('uncaughtException', (error) => failed(error));

function answer(hook, exchange) {
  return new Promise((resolve) => {
    const context = { webtask: { secrets: exchange.secrets } };
    const scope = exchange.scope.length ? exchange.scope : undefined;
    failed = (error) => resolve({ thrown: String(error && error.message) });
    setTimeout(() => resolve({ thrown: 'no answer' }), 15000).unref();
    const cb = (error, data) => {
      if (error) {
        resolve({ error: { name: error.name || 'Error', message: error.message || String(error) } });
      } else {
        resolve({ data: JSON.parse(JSON.stringify(data === undefined ? null : data)) });
      }
    };
    try {
      hook(exchange.client, scope, exchange.audience, context, cb);
    } catch (error) {
      failed(error);
    }
  });
}

(async () => {
  const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const found = [];
  for (const { hook, exchanges } of given) {
    const answers = [];
    for (const exchange of exchanges) {
      answers.push(await answer((...given) => require(hook)(...given), exchange));
    }
    found.push(answers);
  }
  process.stdout.write(JSON.stringify(found), () => process.exit(0));
})();
