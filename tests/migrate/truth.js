// What counts as true, of values that come as JSON.
module.exports = function (client, scope, audience, context, cb) {
  const settings = JSON.parse(client.metadata.settings);
  const token = { scope: scope };
  const names = ['list', 'table', 'text', 'number', 'flag', 'nothing', 'missing'];
  const found = names.filter((name) => settings[name]);
  const truths = {};
  names.forEach(function (name) {
    truths[name] = settings[name] ? 'yes' : 'no';
  });
  token['https://acme.example/found'] = found;
  token['https://acme.example/truths'] = truths;
  token['https://acme.example/either'] = settings.list || 'default';
  token['https://acme.example/both'] = settings.table && 'both';
  token['https://acme.example/text'] = 'list: ' + settings.list + ', flag: ' + settings.flag + ', number: ' + settings.number;
  token['https://acme.example/one'] = settings.number === 1;
  token['https://acme.example/true'] = settings.flag === true;
  if (!settings.list) token['https://acme.example/no_list'] = true;
  if (settings.nothing == null && settings.missing === undefined) token['https://acme.example/nothing'] = true;
  settings.seen = true;
  token['https://acme.example/keys'] = Object.keys(settings);
  cb(null, token);
};
