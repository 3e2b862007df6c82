// What the plugin does with a specification once its search is answered.
globalThis.draw = async ({ spec, answer, width, height, interpreted }) => {
  const said = [];
  const say = (...words) => { said.push(words.map(String).join(' ')); };
  const logger = vega.logger(vega.Warn);
  logger.warn = (...words) => { say(...words); return logger; };
  logger.error = logger.warn;

  document.body.innerHTML = '';
  document.body.style.margin = '0';
  const panel = document.createElement('div');
  panel.style.cssText = `width: ${width}px; height: ${height}px`;
  document.body.append(panel);

  delete spec.data.url;
  spec.data.values = answer;
  spec.autosize = { type: 'fit', contains: 'padding' };
  spec.width = 'container';
  spec.height = 'container';
  const compiled = vegaLite.compile(spec, { logger }).spec;

  const loader = vega.loader();
  loader.sanitize = (uri) => { throw new Error(`asks for ${uri}`); };
  const view = new vega.View(
    vega.parse(compiled, null, interpreted ? { ast: true } : {}),
    { loader, renderer: 'canvas', logLevel: vega.Warn, ...(interpreted ? { expr: vega.expressionInterpreter } : {}) },
  );
  view.warn = (...words) => { say(...words); return view; };
  view.error = view.warn;
  view.width(width).height(height - 6);
  view.initialize(panel);
  await view.runAsync();

  const marks = [], labels = [], outside = [];
  const plain = (datum) => Object.fromEntries(
    ['key', 'what', 'value', 'text', 'row'].filter((name) => name in datum).map((name) => [name, datum[name]]),
  );
  const walk = (mark, dx, dy) => {
    for (const item of mark.items ?? []) {
      if (mark.marktype === 'group') {
        for (const inner of item.items ?? []) walk(inner, dx + (item.x || 0), dy + (item.y || 0));
        continue;
      }
      const text = mark.marktype === 'text' ? String(item.text ?? '') : null;
      const at = { x: dx + (item.x || 0), y: dy + (item.y || 0) };
      if (mark.role === 'mark') marks.push({ kind: mark.marktype, text, datum: plain(item.datum ?? {}), ...at });
      if (mark.role === 'axis-label') labels.push(text);
      if (item.limit && vega.textMetrics.width(item, text) > item.limit) outside.push(`end of ${text}`);
      const { x1, x2, y1, y2 } = item.bounds;
      const [left, top] = view.origin();
      const isIn = left + dx + x1 >= -1 && top + dy + y1 >= -1 && left + dx + x2 <= width + 1 && top + dy + y2 <= height + 1;
      if (text !== null && item.opacity !== 0 && !isIn) outside.push(text);
    }
  };
  walk(view.scenegraph().root, 0, 0);
  marks.sort((a, b) => a.y - b.y || a.x - b.x);
  globalThis.lastView = view;
  return { said, marks, labels, outside };
};
0;
