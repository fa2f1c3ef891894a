let calls = 0;

function join(parts, separator = '-') {
  calls += 1;
  return parts.filter((part) => part !== undefined && part !== '').join(separator);
}

const depth = (node) => (node && node.next ? 1 + depth(node.next) : 0);
const pair = (key, value) => ({ key, value });

module.exports = async function (client, scope, audience, context, cb) {
  const trail = [];
  const remember = (text) => {
    trail.push(text);
    return trail.length;
  };
  const pick = (source, fallback) => {
    if (source) {
      remember('source');
      return source;
    }
    remember('fallback');
    return fallback;
  };
  function toScopes(text) {
    return (text || '').split(/[\s,]+/).filter(Boolean);
  }

  const tier = pick(client.metadata.tier, 'free');
  let count = 0;
  const next = () => {
    count++;
  };
  try {
    next();
    if (tier === 'none') {
      throw new Error('no tier');
    }
    next();
  } catch (e) {
    remember(e.message);
  } finally {
    remember('done');
  }

  cb(null, {
    scope: toScopes(client.metadata.scopes),
    'https://acme.example/joined': join([client.metadata.tier, '', audience]),
    'https://acme.example/depth': depth({ next: { next: {} } }),
    'https://acme.example/pair': pair('tier', tier),
    'https://acme.example/trail': trail,
    'https://acme.example/count': count,
  });
};
