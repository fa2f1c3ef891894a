// Turns scopes such as lock:front-door into the rights that the gates read.
module.exports = (client, scope, audience, context, cb) => {
  const rights = { lock: [], unlock: [] };
  let isMaster = false;

  scope.forEach((one) => {
    const at = one.split(':');
    if (one.startsWith('lock:')) rights.lock.push(at[1]);
    else if (one.startsWith('unlock:')) rights.unlock.push(one.slice(7));
    else if (one === 'master') isMaster = true;
  });

  cb(null, { scope: scope, 'https://gates.example/rights': { site: client.metadata.site, rights, isMaster } });
};
