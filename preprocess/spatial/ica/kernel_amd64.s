#include "textflag.h"

// func gemm4x8(k int, a *float64, am, ak int, b *float64, bk int, c *float64, cm int)
//
// C [4, 8] += A [4, k] · B [k, 8]. am and ak are the distances in numbers from row to row and from column to column of A,
// bk and cm those from row to row of B and C. Y0 to Y7 hold C.
TEXT ·gemm4x8(SB), NOSPLIT, $0-64
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ am+16(FP), R8
	MOVQ ak+24(FP), R9
	MOVQ b+32(FP), DI
	MOVQ bk+40(FP), R10
	MOVQ c+48(FP), DX
	MOVQ cm+56(FP), R11
	SHLQ $3, R8
	SHLQ $3, R9
	SHLQ $3, R10
	SHLQ $3, R11
	LEAQ (R8)(R8*2), R12 // three rows of A
	LEAQ (R11)(R11*2), R13

	VMOVUPD (DX), Y0
	VMOVUPD 32(DX), Y1
	VMOVUPD (DX)(R11*1), Y2
	VMOVUPD 32(DX)(R11*1), Y3
	VMOVUPD (DX)(R11*2), Y4
	VMOVUPD 32(DX)(R11*2), Y5
	VMOVUPD (DX)(R13*1), Y6
	VMOVUPD 32(DX)(R13*1), Y7
	TESTQ CX, CX
	JZ    done

loop:
	VMOVUPD      (DI), Y8
	VMOVUPD      32(DI), Y9
	VBROADCASTSD (SI), Y10
	VBROADCASTSD (SI)(R8*1), Y11
	VFMADD231PD  Y8, Y10, Y0
	VFMADD231PD  Y9, Y10, Y1
	VBROADCASTSD (SI)(R8*2), Y12
	VFMADD231PD  Y8, Y11, Y2
	VFMADD231PD  Y9, Y11, Y3
	VBROADCASTSD (SI)(R12*1), Y13
	VFMADD231PD  Y8, Y12, Y4
	VFMADD231PD  Y9, Y12, Y5
	ADDQ         R9, SI
	ADDQ         R10, DI
	VFMADD231PD  Y8, Y13, Y6
	VFMADD231PD  Y9, Y13, Y7
	DECQ         CX
	JNZ          loop

done:
	VMOVUPD Y0, (DX)
	VMOVUPD Y1, 32(DX)
	VMOVUPD Y2, (DX)(R11*1)
	VMOVUPD Y3, 32(DX)(R11*1)
	VMOVUPD Y4, (DX)(R11*2)
	VMOVUPD Y5, 32(DX)(R11*2)
	VMOVUPD Y6, (DX)(R13*1)
	VMOVUPD Y7, 32(DX)(R13*1)
	VZEROUPPER
	RET

// func gemm8x8(k int, a *float64, am, ak int, b *float64, bk int, c *float64, cm int)
//
// C [8, 8] += A [8, k] · B [k, 8], otherwise like gemm4x8. Z0 to Z7 hold C.
TEXT ·gemm8x8(SB), NOSPLIT, $0-64
	MOVQ k+0(FP), CX
	MOVQ a+8(FP), SI
	MOVQ am+16(FP), R8
	MOVQ ak+24(FP), R9
	MOVQ b+32(FP), DI
	MOVQ bk+40(FP), R10
	MOVQ c+48(FP), DX
	MOVQ cm+56(FP), R11
	SHLQ $3, R8
	SHLQ $3, R9
	SHLQ $3, R10
	SHLQ $3, R11
	LEAQ (R8)(R8*2), R12  // three rows of A
	LEAQ (R8)(R8*4), BX   // five
	LEAQ (R12)(R8*4), AX  // seven
	LEAQ (R11)(R11*2), R13
	LEAQ (DX)(R11*4), R15 // the lower half of C

	VMOVUPD (DX), Z0
	VMOVUPD (DX)(R11*1), Z1
	VMOVUPD (DX)(R11*2), Z2
	VMOVUPD (DX)(R13*1), Z3
	VMOVUPD (R15), Z4
	VMOVUPD (R15)(R11*1), Z5
	VMOVUPD (R15)(R11*2), Z6
	VMOVUPD (R15)(R13*1), Z7
	TESTQ   CX, CX
	JZ      done8

loop8:
	VMOVUPD          (DI), Z8
	VFMADD231PD.BCST (SI), Z8, Z0
	VFMADD231PD.BCST (SI)(R8*1), Z8, Z1
	VFMADD231PD.BCST (SI)(R8*2), Z8, Z2
	VFMADD231PD.BCST (SI)(R12*1), Z8, Z3
	VFMADD231PD.BCST (SI)(R8*4), Z8, Z4
	VFMADD231PD.BCST (SI)(BX*1), Z8, Z5
	VFMADD231PD.BCST (SI)(R12*2), Z8, Z6
	VFMADD231PD.BCST (SI)(AX*1), Z8, Z7
	ADDQ             R9, SI
	ADDQ             R10, DI
	DECQ             CX
	JNZ              loop8

done8:
	VMOVUPD Z0, (DX)
	VMOVUPD Z1, (DX)(R11*1)
	VMOVUPD Z2, (DX)(R11*2)
	VMOVUPD Z3, (DX)(R13*1)
	VMOVUPD Z4, (R15)
	VMOVUPD Z5, (R15)(R11*1)
	VMOVUPD Z6, (R15)(R11*2)
	VMOVUPD Z7, (R15)(R13*1)
	VZEROUPPER
	RET

// func tanh4(dst, x *float64, n int, table *[20][4]float64)
//
// n is a multiple of 4 and above 0. See the comment at tanhTable for the method and the table's rows, 32 bytes each.
TEXT ·tanh4(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ table+24(FP), BX
	SHRQ $2, CX

	VMOVUPD 0(BX), Y15   // all bits but the sign
	VMOVUPD 32(BX), Y14  // 20
	VMOVUPD 64(BX), Y13  // 1/ln 2
	VMOVUPD 96(BX), Y12  // ln 2, upper bits
	VMOVUPD 128(BX), Y11 // ln 2, the rest
	VMOVUPD 160(BX), Y10 // 1
	VMOVUPD 192(BX), Y9  // 2
	VMOVUPD 224(BX), Y8  // 1023 as an integer

tanhloop:
	VMOVUPD      (SI), Y0
	VANDPD       Y15, Y0, Y1    // |x|
	VANDNPD      Y0, Y15, Y2    // sign
	VMINPD       Y1, Y14, Y1    // NaN stays
	VADDPD       Y1, Y1, Y1     // a = 2|x|
	VMULPD       Y13, Y1, Y3
	VROUNDPD     $0, Y3, Y3     // n
	VFNMADD231PD Y12, Y3, Y1
	VFNMADD231PD Y11, Y3, Y1    // r
	VMOVUPD      256(BX), Y4
	VFMADD213PD  288(BX), Y1, Y4
	VFMADD213PD  320(BX), Y1, Y4
	VFMADD213PD  352(BX), Y1, Y4
	VFMADD213PD  384(BX), Y1, Y4
	VFMADD213PD  416(BX), Y1, Y4
	VFMADD213PD  448(BX), Y1, Y4
	VFMADD213PD  480(BX), Y1, Y4
	VFMADD213PD  512(BX), Y1, Y4
	VFMADD213PD  544(BX), Y1, Y4
	VFMADD213PD  576(BX), Y1, Y4
	VFMADD213PD  608(BX), Y1, Y4
	VMULPD       Y1, Y1, Y5
	VFMADD213PD  Y1, Y5, Y4     // p = exp(r) - 1
	VCVTPD2DQY   Y3, X3
	VPMOVSXDQ    X3, Y3
	VPADDQ       Y8, Y3, Y3
	VPSLLQ       $52, Y3, Y3    // s = 2^n
	VSUBPD       Y10, Y3, Y5    // s - 1
	VFMADD213PD  Y5, Y3, Y4     // t = s·p + (s - 1)
	VADDPD       Y9, Y4, Y5
	VDIVPD       Y5, Y4, Y4     // t/(t + 2)
	VORPD        Y2, Y4, Y4
	VMOVUPD      Y4, (DI)
	ADDQ         $32, SI
	ADDQ         $32, DI
	DECQ         CX
	JNZ          tanhloop
	VZEROUPPER
	RET
