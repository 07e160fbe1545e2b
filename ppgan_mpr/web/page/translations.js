// The page's texts by language, and the elements that show them.

const ENGLISH = {
  title: "Restore photographs",
  language: "Language",
  drop: "Drop pictures here, or choose them",
  right: "Right views, in the same order",
  task: "Task",
  network: "Network",
  model: "Model",
  scale: "Enlargement",
  strength: "Strength",
  restore: "Restore",
  pictures: "Pictures",
  zoom: "Zoom",
  fit: "Fit",
  pixels: "Picture: arrow keys scroll, + and − zoom",
  before: "before",
  after: "after",
  divide: "Before and after",
  compare: "Compare",
  download: "Download",
  again: "Restore again",
  cancel: "Cancel",
  remove: "Remove",
  private: "Pictures stay on this server and are removed after a while.",
  embedded: "{model}: small, included",
  downloaded: "{model}: downloaded once ({megabytes} MB)",
  downloadedOnce: "{model}: downloaded once",
  weakness: "These weights {weakness}.",
  "state.ready": "Ready",
  "state.uploading": "Uploading",
  "state.waiting": "Waiting: {position} before it",
  "state.preparing": "Preparing the network",
  "state.running": "Restoring: tile {done} of {total}",
  "state.stopping": "Stopping",
  "state.done": "{width} × {height} pixels, {seconds} s, {task}",
  "state.failed": "Failed: {error}",
  "state.cancelled": "Cancelled",
  "error.too_large": "The file is larger than the {megabytes} MB allowed here.",
  "error.network": "The server cannot be reached.",
  "error.pairs": "Choose as many right views as pictures.",
  "error.display": "The browser cannot show this picture. Download it instead.",
};

const CHINESE = {
  title: "照片修复",
  language: "语言",
  drop: "将图片拖放到此处，或选择文件",
  right: "右视图，顺序相同",
  task: "任务",
  network: "网络",
  model: "模型",
  scale: "放大倍数",
  strength: "强度",
  restore: "开始修复",
  pictures: "图片",
  zoom: "缩放",
  fit: "适合窗口",
  pixels: "图片：方向键滚动，+ 和 − 缩放",
  before: "修复前",
  after: "修复后",
  divide: "前后对比",
  compare: "对比",
  download: "下载",
  again: "重新修复",
  cancel: "取消",
  remove: "移除",
  private: "图片只保存在本服务器上，一段时间后自动删除。",
  embedded: "{model}：小型，已内置",
  downloaded: "{model}：只需下载一次（{megabytes} MB）",
  downloadedOnce: "{model}：只需下载一次",
  weakness: "这些权重对真实照片效果甚微：{weakness}",
  "state.ready": "待处理",
  "state.uploading": "正在上传",
  "state.waiting": "排队中：前面还有 {position} 张",
  "state.preparing": "正在准备网络",
  "state.running": "正在修复：第 {done} 块，共 {total} 块",
  "state.stopping": "正在停止",
  "state.done": "{width} × {height} 像素，{seconds} 秒，{task}",
  "state.failed": "失败：{error}",
  "state.cancelled": "已取消",
  "error.too_large": "文件超过允许的 {megabytes} MB。",
  "error.network": "无法连接服务器。",
  "error.pairs": "右视图的数量必须与图片相同。",
  "error.display": "浏览器无法显示这张图片，请直接下载。",
  "error.not_a_picture": "这不是可以读取的图片。（{message}）",
  "error.too_many_pixels": "图片像素过多。（{message}）",
  "error.queue_full": "排队的图片太多，请稍后再试。",
  "error.unknown_job": "图片已不存在或已过期。",
  "task.Deblurring": "去模糊",
  "task.Denoising": "去噪",
  "task.Deraining": "去雨",
  "task.RealDenoising": "手机照片去噪",
  "task.LowLight": "低光增强",
  "task.Retouching": "润色",
  "task.SuperResolution": "超分辨率",
  "task.DualPixelDeblurring": "双像素散焦去模糊",
  "purpose.Deblurring": "运动模糊：相机或被摄物体移动",
  "purpose.Denoising": "真实相机的颗粒和彩色噪点",
  "purpose.Deraining": "落下的雨线",
  "purpose.RealDenoising": "智能手机相机的噪点",
  "purpose.LowLight": "光线不足时拍摄的照片",
  "purpose.Retouching": "按摄影师的方式调整颜色和对比度",
  "purpose.SuperResolution": "低分辨率图片，放大 2、3 或 4 倍",
  "purpose.DualPixelDeblurring": "散焦模糊，使用双像素相机的两个视图",
};

export const TEXTS = { en: ENGLISH, zh: CHINESE };
let language = "en";

/** The language to begin with: the one chosen last, else the browser's. */
export function preferredLanguage() {
  const chosen = localStorage.getItem("language");
  if (chosen in TEXTS) return chosen;
  return navigator.language.startsWith("zh") ? "zh" : "en";
}

/** Shows the whole page in a language. */
export function setLanguage(name) {
  language = name;
  localStorage.setItem("language", name);
  document.documentElement.lang = name;
  translate(document);
}

/** Whether the current language has a text of its own for a key. */
export function has(key) {
  return key in TEXTS[language];
}

/** The text for a key, with {names} replaced by values. */
export function text(key, values = {}) {
  const found = TEXTS[language][key] ?? ENGLISH[key] ?? key;
  return found.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Fills the elements below one that name a text: data-t for content, data-label for ARIA. */
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) {
    element.textContent = text(element.dataset.t);
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", text(element.dataset.label));
  }
  document.title = text("title");
}
