import type { Plugin } from 'vite';

async function gzipSize(code: string): Promise<number> {
  const packed = new Blob([code]).stream().pipeThrough(new CompressionStream('gzip'));
  return (await new Response(packed).arrayBuffer()).byteLength;
}

/** Fails the build if the JavaScript of the first page takes more than `limit` bytes gzipped. */
export function firstRouteBudget(limit: number): Plugin {
  return {
    name: 'first-route-budget',
    apply: 'build',
    async generateBundle(_options, bundle) {
      const files = Object.values(bundle).flatMap((file) => (file.type === 'chunk' && file.isEntry ? [file.fileName] : []));
      let size = 0;
      // The list grows while it is walked: what a chunk imports statically is loaded with it.
      for (const name of files) {
        const file = bundle[name];
        if (file?.type !== 'chunk') continue;
        size += await gzipSize(file.code);
        files.push(...file.imports.filter((imported) => !files.includes(imported)));
      }
      if (size > limit) this.error(`the first page loads ${size} bytes of JavaScript, ${limit} are allowed`);
    },
  };
}
