/** Lifts the picture on the stage, else the first one, into a window of its own; again puts it back. */
export function openPictureInPicture(): void {
  if (document.pictureInPictureElement) {
    void document.exitPictureInPicture();
    return;
  }
  const video = document.querySelector<HTMLVideoElement>('[data-stage] video, main video');
  video?.requestPictureInPicture().catch(() => undefined);
}
