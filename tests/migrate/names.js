module.exports = function (client, scope, audience, context, cb) {
  var list = [], print = 1, len = 2, str = 'x', id = 3, type = 4, in_ = 5, lambda = 6, None = 7, self = 8, def = 9;
  list.push(print, len, str, id, type, in_, lambda, None, self, def);
  var client2 = client, scope_ = scope;
  var js_text = 'own';
  var datetime = 1, json = 2, re = 3, math = 4;
  cb(null, { scope: scope_, 'https://acme.example/l': list, 'https://acme.example/c': client2.id + js_text + datetime + json + re + math });
};
