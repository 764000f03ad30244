// The pictures that come with the page: buttons to choose one, each with its source.

const LIST = new URL("pictures/pictures.json", import.meta.url);

/** Fill `shelf` with a button for each picture; `chosen(picture, blob)` is called with the file's content. */
export async function showPictures(shelf, chosen) {
  const response = await fetch(LIST);
  if (!response.ok) return; // the reader still has images of their own
  for (const picture of (await response.json()).pictures) shelf.append(makeButton(picture, chosen));
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
