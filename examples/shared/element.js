// Parts of a page, made by script. Every text goes through `append`, so markup in it stays text.

/** An element with a class, some text, and children. */
export function element(tag, className, text = "", ...children) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(text, ...children);
  return node;
}
