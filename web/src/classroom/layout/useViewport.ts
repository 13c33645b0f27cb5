import { useMediaQuery } from '@mantine/hooks';

export interface Viewport {
  /** Under 768 px: sheets, bottom controls, two columns. */
  phone: boolean;
  /** From 1024 px the panel sits beside the stage. */
  panelBeside: boolean;
  /** From 1600 px there are 6 tiles in the strip. */
  wide: boolean;
}

const now = { getInitialValueInEffect: false };

/** The breakpoints of the call. */
export function useViewport(): Viewport {
  const phone = useMediaQuery('(max-width: 767px)', false, now);
  const panelBeside = useMediaQuery('(min-width: 1024px)', true, now);
  const wide = useMediaQuery('(min-width: 1600px)', false, now);
  return { phone, panelBeside, wide };
}
