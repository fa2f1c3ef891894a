module.exports = ({ id, name = 'unnamed', metadata: { tier = 'free', flags } }, granted = [], audience, { webtask: { secrets } }, cb) => {
  const list = flags ? flags.split('|') : [];
  const [first, second = 'none'] = list;
  const { API_KEY } = secrets;
  cb(null, {
    scope: granted.slice(),
    'https://acme.example/id': id,
    'https://acme.example/name': name,
    'https://acme.example/tier': tier,
    'https://acme.example/flags': { first, second, count: list.length },
    'https://acme.example/key': API_KEY.slice(-4),
  });
};
