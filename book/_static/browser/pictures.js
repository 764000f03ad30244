// The pictures that come with the page: buttons to choose one, each with its source.

const LIST = new URL("pictures/pictures.json", import.meta.url);

/** Fill `shelf` with a button for each picture; `chosen(picture, read)` is called with what reads the file.
 *
 * Returns a function that chooses the first one.
 */
export async function showPictures(shelf, chosen) {
  const response = await fetch(LIST);
  if (!response.ok) return null; // the reader still has images of their own
  const buttons = (await response.json()).pictures.map((picture) => makeButton(picture, chosen));
  shelf.append(...buttons);
  return () => buttons[0]?.click();
}

function makeButton(picture, chosen) {
  const button = document.createElement("button");
  const image = document.createElement("img");
  const title = document.createElement("span");
  button.type = "button";
  image.src = new URL(picture.file, LIST).href;
  image.alt = picture.alt;
  title.textContent = picture.title;
  button.append(image, title);
  button.addEventListener("click", () => chosen(picture, async () => (await fetch(image.src)).blob()));
  return button;
}
