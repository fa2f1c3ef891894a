module.exports = function (client, scope, audience, context, cb) {
  const name = (client.name || 'unnamed client').trim();
  const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
  const parts = name.split(' ');
  const match = name.match(/^(\w+)-(\d+)$/);
  const host = audience.replace('https://', '').split('/')[0];
  const token = { scope };
  token['https://acme.example/slug'] = slug;
  token['https://acme.example/initials'] = parts.map(p => p.slice(0, 1).toUpperCase()).join('');
  token['https://acme.example/second'] = parts[1];
  token['https://acme.example/number'] = match ? parseInt(match[2], 10) : -1;
  token['https://acme.example/host'] = host;
  token['https://acme.example/short'] = name.length > 8 ? name.slice(0, 8) + '…' : name;
  token['https://acme.example/tail'] = name.substr(-3);
  token['https://acme.example/parts'] = String(parts.length);
  token['https://acme.example/quote'] = 'it\'s "quoted"\t{braces} \u00e9 ' + `${name} {x} "y"`;
  token['https://acme.example/joined'] = ['a', 'b'].join('<' + client.id + '>');
  cb(null, token);
};
